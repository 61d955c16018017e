#!/bin/sh
# lio-export.sh IQN NAME DEVICE SERIAL PORTAL INITIATOR USER SECRETFILE BACKUSER BACKFILE [PARAMETER=VALUE...]: offers DEVICE over
# iSCSI by the kernel's target.
# Each line may already be so: made again after an interruption it goes on where it was.
set -eu
iqn=$1 name=$2 device=$3 serial=$4 portal=$5 initiator=$6 user=$7 secret=$8 back_user=$9 back=${10}
shift 10
for module in target_core_mod target_core_iblock iscsi_target_mod; do modprobe "$module"; done
mountpoint -q /sys/kernel/config || mount -t configfs configfs /sys/kernel/config
core=/sys/kernel/config/target/core/iblock_0/$name
mkdir -p "$core"
if [ "$(cat "$core/enable")" != 1 ]; then
    echo "udev_path=$device" >"$core/control"
    echo "$device" >"$core/udev_path"
    echo "$serial" >"$core/wwn/vpd_unit_serial"
    echo REPLANT >"$core/wwn/vendor_id" 2>/dev/null || true
    echo 1 >"$core/enable"
fi
tpg=/sys/kernel/config/target/iscsi/$iqn/tpgt_1
mkdir -p "$tpg"
mkdir -p "$tpg/np/$portal"
mkdir -p "$tpg/lun/lun_0"
[ -e "$tpg/lun/lun_0/$name" ] || ln -s "$core" "$tpg/lun/lun_0/$name"
echo 1 >"$tpg/attrib/authentication"
echo 0 >"$tpg/attrib/generate_node_acls"
echo 0 >"$tpg/attrib/demo_mode_write_protect"
# they are negotiated at a login: before there can be one
if [ "$(cat "$tpg/enable")" != 1 ]; then
    for parameter in "$@"; do echo "${parameter#*=}" >"$tpg/param/${parameter%%=*}"; done
fi
acl=$tpg/acls/$initiator
mkdir -p "$acl"
# configfs keeps a line break as a part of the name
printf %s "$user" >"$acl/auth/userid"
cat "$secret" >"$acl/auth/password"
printf %s "$back_user" >"$acl/auth/userid_mutual"
cat "$back" >"$acl/auth/password_mutual"
mkdir -p "$acl/lun_0"
[ -e "$acl/lun_0/$name" ] || ln -s "$tpg/lun/lun_0" "$acl/lun_0/$name"
echo 1 >"$tpg/enable"

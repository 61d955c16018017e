//! Power controls of the simulated pair, and the person beside it; each may fail, or say what is not so. What is made of
//! their answers is the business of [`crate::host::power`], as it is for real servers.

use std::collections::BTreeMap;
use std::time::Duration;

use super::switch::{Control, Person};
use super::world::{System, World};
use super::{Effect, Sim};
use crate::host::hardware::{Hardware, Machines, Whose};
use crate::host::power::{Door, Means, PowerAction, PowerState, PowerSwitch, Request};
use crate::host::{HostError, Output, PowerTo, Server, Side};
use crate::plan::{self, Plan};

/// As a plan has it.
pub(super) fn controls(plan: &Plan) -> BTreeMap<Server, Control> {
    let of = |power: &plan::Power| match power {
        plan::Power::Manual { .. } => Control::Manual,
        plan::Power::Command { .. } | plan::Power::Ipmi { .. } => Control::Command,
    };
    [(Server::Old, of(&plan.old.power)), (Server::New, of(&plan.new.power))].into()
}

/// By what command each server's console is read.
pub(super) fn consoles(plan: &Plan) -> BTreeMap<Server, String> {
    let all = [(Server::Old, &plan.old.power), (Server::New, &plan.new.power)];
    all.into_iter().filter_map(|(server, power)| Some((server, power.console()?.first()?.to_string()))).collect()
}

impl World {
    /// What its console has shown.
    pub(super) fn console(&self, server: Server) -> Output {
        let Some(command) = self.consoles.get(&server) else { return Output::ok("") };
        if self.console_fails {
            return Output {
                code: 1,
                stdout: String::new(),
                stderr: format!("`{command}` failed (exit status: 1): \n"),
            };
        }
        Output::ok(match &self.machine(server).system {
            System::None(why) => format!("Booting `Debian GNU/Linux'\n{why}\n"),
            System::Rescue => "rescue login:\n".into(),
            System::Hold => "replant: holding\n".into(),
            System::Own => "srv1 login:\n".into(),
        })
    }

    fn hardware(&self, server: Server) -> Hardware {
        let machine = self.machine(server);
        let disks = machine.disks.iter().flat_map(|disk| [Some(disk.serial.clone()), disk.wwn.clone()]);
        Hardware::new(Some(&machine.uuid), disks.flatten())
    }

    pub(super) fn machines(&self) -> Machines {
        Machines { old: self.hardware(Server::Old), new: self.hardware(Server::New) }
    }

    /// As the host does with each new connection.
    pub(super) fn recognise(&self, machines: &Machines, side: Side, server: Server) -> Result<(), HostError> {
        machines.expect(side.server(), &self.hardware(server)).map_err(|cause| HostError::Another { side, cause })
    }

    /// What the program does, or has a person do: never so that both run with the same name.
    fn switched(&mut self, server: Server, to: PowerTo) {
        let other = self.machine(server.other());
        // also while it is in its firmware: it will be up in a moment
        let will_be_up = other.on
            && (server == Server::New || other.own_disks)
            && !matches!(other.system, System::Rescue | System::Hold);
        let twin = match (server, to) {
            (_, PowerTo::Off) => false,
            (Server::Old, _) => true,
            (Server::New, PowerTo::OwnDisks) => true,
            (Server::New, PowerTo::On) => self.machine(server).own_disks,
        };
        // new may come up as its own initramfs, which waits and has neither name nor address of old's
        let tells = server == Server::New;
        assert!(tells || !(twin && will_be_up), "two servers up with the same name: {server} is switched on");
        self.power(server, to);
        let holds = match &self.machine(server).system {
            System::Hold | System::Rescue => true,
            // it has come no further, and has no name there
            System::None(why) => self.stuck.as_ref() == Some(why) || why.starts_with("it waits, and"),
            System::Own => false,
        };
        assert!(holds || !(twin && will_be_up), "two servers up with the same name: {server} is switched on");
    }

    /// Old is switched on by somebody else, and stays in its firmware for so many looks.
    pub(crate) fn on_slowly(&mut self, server: Server, looks: usize) {
        if self.machine(server).on {
            return;
        }
        if looks == 0 {
            self.power(server, PowerTo::On);
            return;
        }
        let machine = self.machine_mut(server);
        machine.on = true;
        machine.firmware = Some(looks);
        machine.system = System::None("it is in its firmware".into());
    }

    /// A look goes by.
    pub(super) fn firmware(&mut self) {
        for server in [Server::Old, Server::New] {
            let machine = self.machine_mut(server);
            match machine.firmware {
                Some(0 | 1) => {
                    machine.firmware = None;
                    self.up(server, server == Server::New && !self.machine(server).own_disks);
                    self.links_live();
                }
                Some(usize::MAX) | None => {}
                Some(left) => machine.firmware = Some(left - 1),
            }
        }
    }
}

impl Sim {
    pub(super) fn power(&self) -> PowerSwitch<'_> {
        PowerSwitch { means: self, memory: &self.memory }
    }

    fn broken(&self, server: Server) -> HostError {
        HostError::Power { server, cause: "`ipmitool` failed: Unable to establish IPMI v2 / RMCP+ session".into() }
    }
}

impl Means for Sim {
    fn controlled(&self, server: Server) -> bool {
        self.lock().world.controls[&server] != Control::Manual
    }

    fn status(&self, server: Server) -> Result<PowerState, HostError> {
        let world = &self.lock().world;
        match world.controls[&server] {
            Control::Broken => Err(self.broken(server)),
            Control::SaysOff => Ok(PowerState::Off),
            Control::SaysOn => Ok(PowerState::On),
            Control::Mute | Control::Manual => Ok(PowerState::Unknown),
            Control::Command if world.machine(server).on => Ok(PowerState::On),
            Control::Command => Ok(PowerState::Off),
        }
    }

    fn turn(&self, server: Server, turn: PowerAction) -> Result<(), HostError> {
        let mut state = self.lock();
        let index = state.turns;
        state.turns += 1;
        let killed = state.faults.turn.filter(|(at, _)| *at == index).map(|(_, effect)| effect);
        let dead = || HostError::Local("killed".into());
        if killed == Some(Effect::None) {
            return Err(dead());
        }
        let world = &mut state.world;
        let control = world.controls[&server];
        if matches!(control, Control::Command | Control::Mute) {
            match turn {
                PowerAction::Off => world.power(server, PowerTo::Off),
                PowerAction::BootDisk => {
                    world.machine_mut(server).own_disks = !(world.rescue_first && server == Server::New)
                }
                PowerAction::On if !world.machine(server).on => world.switched(server, PowerTo::On),
                PowerAction::On => {}
            }
        }
        match (killed, control) {
            (Some(_), _) => Err(dead()),
            (_, Control::Broken) => Err(self.broken(server)),
            (_, Control::Mute) if turn != PowerAction::BootDisk => {
                let cause = "`power` succeeded, but `status` does not agree after 60 s".into();
                Err(HostError::Power { server, cause })
            }
            (_, Control::SaysOn) if turn == PowerAction::Off => {
                let cause = "`power off` succeeded, but `status` does not say `off` after 60 s".into();
                Err(HostError::Power { server, cause })
            }
            (_, Control::SaysOff) if turn == PowerAction::On => {
                let cause = "`power on` succeeded, but `status` does not say `on` after 60 s".into();
                Err(HostError::Power { server, cause })
            }
            _ => Ok(()),
        }
    }

    fn door(&self, at: Side) -> Door {
        let state = self.lock();
        let Some(server) = state.world.answers(at) else { return Door::Silent };
        match state.machines.whose(&state.world.hardware(server)) {
            Whose::Of(who) => Door::Machine(who),
            whose => Door::Unknown(format!("{whose:?}")),
        }
    }

    fn address(&self, of: Side) -> String {
        format!("the address of {of}")
    }

    fn attended(&self) -> bool {
        self.lock().world.person != Person::Absent
    }

    fn person(&self, request: &Request) -> bool {
        let mut state = self.lock();
        state.asked.push(request.clone());
        let world = &mut state.world;
        match (world.person, request) {
            (Person::Truthful, Request::Switch { server, to, .. }) => {
                world.switched(*server, *to);
                true
            }
            (Person::Truthful, Request::IsOff { server, .. } | Request::StillOff { server }) => {
                !world.machine(*server).on
            }
            (Person::Truthful, Request::ByHand { .. }) | (Person::Liar, _) => true,
            (Person::Unwilling | Person::Absent, _) => false,
        }
    }

    /// Whatever happens between two looks happens here at once: nothing is young.
    fn now(&self) -> Duration {
        Duration::from_secs(60) * self.lock().all_looks as u32
    }

    fn wait(&self, so_often: usize) -> Result<bool, HostError> {
        Ok(so_often < 2)
    }
}

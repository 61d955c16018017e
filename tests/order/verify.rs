//! Copies that are compared: when, and what is read.

use super::*;
use replant::host::Server;
use replant::plan::{Only, Verify};
use replant::step::{Half, Hashed, SameCopies};

/// Each method, compared in each way; with a swap that is copied.
fn compared_books() -> Vec<(Verify, Book)> {
    let mut books = Vec::new();
    let ways: [(Option<IscsiServer>, Method, Only); 4] = [
        (Some(IscsiServer::Tgt), Method::Mirror, Only::All),
        (Some(IscsiServer::Lio), Method::Mirror, Only::All),
        (None, Method::Below, Only::All),
        (None, Method::Below, Only::Used),
    ];
    for name in ["lab", "two-groups", "minimal"] {
        for verify in [Verify::Sampled, Verify::Whole] {
            for (server, method, only) in &ways {
                let path = format!("{}/plans/{name}.yaml", env!("CARGO_MANIFEST_DIR"));
                let mut plan = plan::load(path.as_ref()).unwrap_or_else(|error| panic!("{name}: {error:?}")).plan;
                (plan.copy.method, plan.copy.only) = (Some((*method).into()), (*only).into());
                (plan.copy.verify, plan.new.boot) = (verify.into(), Some(NewBoot::Rescue.into()));
                plan.transfer.iscsi.server = server.unwrap_or(IscsiServer::Auto).into();
                let free_extents = if *server == Some(IscsiServer::Lio) { 16 } else { 0 };
                let sim = Sim::shaped(&plan, None, Shape { free_extents, ..Shape::default() });
                books.push((verify, Book::on(&format!("{name} {server:?} {method:?} {only:?}"), &plan, &sim)));
            }
        }
    }
    books
}

fn hashed(node: &Node) -> &Hashed {
    let StepKind::Hashed(hashed) = &node.step else { panic!("{}", node.id) };
    hashed
}

fn same(book: &Book) -> (&Node, &SameCopies) {
    let all = book.of(kind!(StepKind::SameCopies(_)));
    let [node] = all.as_slice() else { panic!("{}: {} comparisons", book.name, all.len()) };
    let StepKind::SameCopies(same) = &node.step else { unreachable!() };
    (node, same)
}

/// After all that says that nothing writes and that all is in sync; before the runner is held and anything is cut.
#[test]
fn what_is_compared_is_compared_between_the_last_look_and_the_cut() {
    for (_, book) in compared_books() {
        let reads = book.of(kind!(StepKind::Hashed(_)));
        let (node, same) = same(&book);
        let armed = book.of(kind!(StepKind::DeadMan(_)));
        let proofs = book.of(|node| {
            node.stage == Stage::Cutover
                && book.before(node).contains(&armed[0].id)
                && matches!(
                    &node.step,
                    StepKind::InSync(_)
                        | StepKind::InStep(_)
                        | StepKind::NothingWrites(_)
                        | StepKind::WritesCounted(_)
                        | StepKind::Remount(_)
                        | StepKind::SwapOff(_)
                        | StepKind::File(_)
                )
        });
        book.order("nothing writes to what is read", &proofs, &reads);
        book.order("what is compared has been read", &reads, &[node]);
        book.order("services can come back while it is compared", &[node], &book.of(kind!(StepKind::DeadManOff(_))));
        let cuts = book.cuts();
        book.order_if_any("nothing is cut that is not the same", &[node], &cuts);
        book.order("old's power is not cut before", &[node], &book.of(kind!(StepKind::OldOff(_))));
        let end = book.the_cut();
        for read in reads.iter().chain([&node]) {
            assert_eq!(book.until(read).id, end, "{}: {} is asked for until the cut", book.name, read.id);
        }
        // what each knows of the other
        let at = |side: Side| reads.iter().find(|read| read.on == side).map(|read| hashed(read).dir.clone());
        assert_eq!(Some(&same.on_old), at(Side::Old).as_ref(), "{}", book.name);
        assert_eq!(same.on_new, at(Side::New), "{}", book.name);
        let StepKind::DeadMan(runner) = &armed[0].step else { unreachable!() };
        assert_eq!(same.dead_man, runner.dir, "{}", book.name);
        // one mark for each way, so that none is forgotten when the copies of another begin again
        let fresh: BTreeSet<&String> = book
            .nodes
            .iter()
            .filter_map(|node| match &node.step {
                StepKind::FreshCopies(fresh) => Some(fresh.differs.as_ref().expect("it knows the mark")),
                StepKind::FreshLegs(fresh) => Some(fresh.differs.as_ref().expect("it knows the mark")),
                _ => None,
            })
            .collect();
        assert_eq!(same.marks.iter().collect::<BTreeSet<_>>(), fresh, "{}", book.name);
        let old = reads.iter().find(|read| read.on == Side::Old).unwrap();
        assert_eq!(hashed(old).marks, same.marks, "{}: they go with what was found", book.name);
    }
}

fn name(half: &Half) -> &str {
    half.device.strip_prefix("/dev/mapper/").unwrap()
}

/// Each copied volume, both halves, on the disks of whose server they lie; of new's own volumes new reads them itself.
#[test]
fn both_halves_of_each_copied_volume_are_read() {
    let mut whole = 0;
    for (verify, book) in compared_books() {
        let (_, same) = same(&book);
        let halves: Vec<(Side, &Half)> = book
            .of(kind!(StepKind::Hashed(_)))
            .into_iter()
            .flat_map(|node| hashed(node).halves.iter().map(move |half| (node.on, half)))
            .collect();
        assert_eq!(halves.len(), same.of.len() * 2, "{}", book.name);
        let of = |vg: &str, lv: &str, lies: Server| {
            let volume = format!("{vg}/{lv}");
            *halves
                .iter()
                .find(|(_, half)| half.of == volume && half.lies == lies)
                .unwrap_or_else(|| panic!("{volume}"))
        };
        let mut copied = 0;
        for node in &book.nodes {
            let (vg, lv, size, since) = match &node.step {
                StepKind::Mirror(mirror) => (&mirror.vg, &mirror.lv, mirror.size, &mirror.since),
                StepKind::Beneath(copy) => (&copy.vg, &copy.lv, copy.size, &copy.since),
                _ => continue,
            };
            copied += 1;
            let ((on, original), (reader, copy)) = (of(vg, lv, Server::Old), of(vg, lv, Server::New));
            assert_eq!(on, Side::Old);
            for (on, half) in [(on, original), (reader, copy)] {
                assert_eq!((half.size, half.volume.as_str()), (size, format!("{vg}-{lv}").as_str()), "{}", book.name);
                assert_eq!(half.since.as_ref(), (on == Side::Old).then_some(since), "{}", book.name);
                assert_eq!(
                    (&half.what, &half.only),
                    (&original.what, &original.only),
                    "{}: the same of both",
                    book.name
                );
                whole += usize::from(verify == Verify::Whole);
                assert!(verify == Verify::Sampled || half.what == "all", "{}", book.name);
            }
            let image = |image: &str| format!("{vg}-{lv}_{image}");
            match &node.step {
                StepKind::Mirror(mirror) => {
                    let kind = if mirror.how == How::Raid1 { "rimage" } else { "mimage" };
                    assert_eq!(name(original), image(&format!("{kind}_0")));
                    assert_eq!((name(copy), reader), (image(&format!("{kind}_1")).as_str(), Side::Old));
                }
                StepKind::Beneath(below) => {
                    assert_eq!(name(original), format!("replant-{}-old", below.number));
                    if below.used.is_some() {
                        assert_eq!(
                            (name(copy), reader),
                            (format!("replant-{}-new", below.number).as_str(), Side::Old)
                        );
                        let only = copy.only.as_ref().expect("not all was copied");
                        assert_eq!((&only.list, only.size), (&format!("{since}.bits"), below.chunk));
                    } else {
                        assert_eq!((name(copy), reader), (format!("{vg}-{lv}").as_str(), Side::New));
                        assert_eq!(copy.only, None);
                    }
                }
                _ => unreachable!(),
            }
        }
        assert_eq!(copied, same.of.len(), "{}: none is left out", book.name);
    }
    assert!(whole > 0);
}

/// The first MiB, the last, and others between them, all within the volume: always the same.
#[test]
fn samples_are_decided_beforehand() {
    let mut sampled = 0;
    for (verify, book) in compared_books() {
        for node in book.of(kind!(StepKind::Hashed(_))) {
            for half in &hashed(node).halves {
                let mib = half.size.div_ceil(1 << 20);
                assert!(half.reads > 0 && half.reads <= half.size, "{}", book.name);
                if half.what == "all" {
                    assert!(verify == Verify::Whole || mib <= 64, "{}", book.name);
                    continue;
                }
                sampled += 1;
                let at: Vec<u64> = half.what.split(',').map(|word| word.parse().unwrap()).collect();
                assert_eq!((at.len(), at[0], at[63]), (64, 0, mib - 1), "{}: {}", book.name, half.what);
                let far: Vec<u64> = at.windows(2).map(|two| two[1] - two[0]).collect();
                let (least, most) = (far.iter().min().unwrap(), far.iter().max().unwrap());
                assert!(*least > 0 && most - least <= 1, "{}: {}", book.name, half.what);
            }
        }
    }
    assert!(sampled > 10);
}

/// Where it is not wanted nothing of it is there; and what is no data is not read.
#[test]
fn what_is_not_wanted_is_not_compared() {
    for book in books().into_iter().chain(below_books()) {
        assert!(book.of(kind!(StepKind::Hashed(_) | StepKind::SameCopies(_))).is_empty(), "{}", book.name);
    }
    // a swap that is copied, and pages of which may have changed while they were written
    let path = format!("{}/plans/lab.yaml", env!("CARGO_MANIFEST_DIR"));
    let mut plan = plan::load(path.as_ref()).unwrap().plan;
    let sim = Sim::from_plan(&plan, None);
    (plan.copy.verify, plan.copy.method) = (Verify::Whole.into(), Some(Method::Below.into()));
    for volume in plan.volume_groups.iter_mut().flat_map(|group| group.volumes.iter_mut().flatten()) {
        if *volume.copy == plan::CopyHow::Recreate {
            volume.copy = plan::CopyHow::Mirror.into();
        }
    }
    let book = Book::on("a swap is copied", &plan, &sim);
    let copied = book.of(kind!(StepKind::Beneath(_)));
    let (_, same) = same(&book);
    assert_eq!(copied.len(), same.of.len() + 1, "{:?}", same.of);
    assert!(!same.of.iter().any(|of| of.contains("swap")), "{:?}", same.of);
}

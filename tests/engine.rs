//! The engine over a world that holds nothing but files, with the step that writes one.

mod sweep;

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;

use replant::engine::{self, Notice, Sight, Way};
use replant::host::{Act, HostError, Hosts, Look, Output, Query, Server, Side};
use replant::journal::{Journal, Kind, Status};
use replant::runbook::{Node, Stage, StepId};
use replant::step::{File, Seen};
use sweep::{Case, Fault, Scene, World, faithful};

#[derive(Default)]
struct Files(Mutex<BTreeMap<(Server, String), String>>);

impl Files {
    fn with(files: &[(Server, &str, &str)]) -> Files {
        let all = files.iter().map(|(on, path, text)| ((*on, path.to_string()), text.to_string()));
        Files(Mutex::new(all.collect()))
    }
}

impl Look for Files {
    fn look(&self, on: Side, queries: &[Query]) -> Result<Vec<Output>, HostError> {
        let files = self.0.lock().unwrap();
        let answer = |query: &Query| {
            let Query::Run(argv) = query else { panic!("{query:?}") };
            let path = argv.last().unwrap();
            assert_eq!(query, &Query::file(path), "unknown to this world");
            match files.get(&(on.server(), path.clone())) {
                Some(text) => Output::ok(format!("present\n{text}")),
                None => Output::ok("absent\n"),
            }
        };
        Ok(queries.iter().map(answer).collect())
    }
}

impl Hosts for Files {
    fn act(&self, on: Side, _job: &str, act: &Act) -> Result<(), HostError> {
        let mut files = self.0.lock().unwrap();
        match act {
            Act::Put { path, text, .. } => drop(files.insert((on.server(), path.clone()), text.0.clone())),
            Act::Remove { path } => drop(files.remove(&(on.server(), path.clone()))),
            other => panic!("unknown to this world: {other:?}"),
        }
        Ok(())
    }
}

impl World for Files {
    fn fork(&self) -> Files {
        Files(Mutex::new(self.0.lock().unwrap().clone()))
    }

    fn text(&self, of: Option<Server>) -> String {
        let files = self.0.lock().unwrap();
        let some = files.iter().filter(|((on, _), _)| of.is_none_or(|of| of == *on));
        some.map(|((on, path), text)| format!("{on} {path}: {text:?}\n")).collect()
    }

    fn spoil(&self, node: &Node) -> bool {
        let Act::Put { path, .. } = &node.step.as_step().apply()[0] else { return false };
        self.0.lock().unwrap().insert((node.on.server(), path.clone()), "by somebody else".into());
        true
    }
}

fn id(name: &str) -> StepId {
    StepId(name.into())
}

fn node(name: &str, stage: Stage, on: Side, after: &[&str], file: File) -> Node {
    let after = after.iter().map(|name| id(name)).collect();
    Node { id: id(name), stage, on, after, until: None, fence: false, why: String::new(), step: file.into() }
}

/// A login that holds until the logout, a file that was there, a diamond, a change of servers.
fn nodes(fence: bool) -> Vec<Node> {
    use Stage::*;
    let was = "was\n".to_string();
    let mut nodes = vec![
        node("target", Prepare, Side::New, &[], File::new("/target", "t\n")),
        node("config", Prepare, Side::Old, &[], File::instead("/config", Some(&was), "is\n")),
        node("login", Connect, Side::Old, &["target", "config"], File::new("/session", "in\n")),
        node("copy-a", Copy, Side::Old, &["login"], File::new("/a", "a\n")),
        node("copy-b", Copy, Side::Old, &["login"], File::new("/b", "b\n")),
        // in the same place as the login, which it makes an end of
        node(
            "logout",
            Cutover,
            Side::Old,
            &["copy-a", "copy-b"],
            File::instead("/session", Some(&"in\n".into()), "out\n"),
        ),
        node("off", Cutover, Side::Old, &["logout"], File::new("/off", "off\n")),
        node("boot", Boot, Side::New, &["off"], File::new("/boot", "b\n")),
        node("grow", Grow, Side::Migrated, &["boot"], File::new("/grow", "g\n")),
    ];
    nodes[2].until = Some(id("logout"));
    nodes[6].fence = fence;
    nodes
}

fn found() -> Files {
    Files::with(&[(Server::Old, "/config", "was\n"), (Server::Old, "/else", "e"), (Server::New, "/rescue", "r")])
}

fn case(name: &'static str, fence: bool, parallelism: usize) -> Case<Files> {
    Case { name, nodes: nodes(fence), world: found(), parallelism, by_hand: 5, lines: faithful }
}

#[test]
fn every_fault_in_every_place() {
    let count = case("files", false, 1).sweep();
    assert!(count > 200, "{count} are suspiciously few");
}

#[test]
fn every_fault_in_every_place_with_a_change_of_servers() {
    case("files with a fence", true, 1).sweep();
}

#[test]
fn every_fault_in_every_place_with_four_at_a_time() {
    case("files, four at a time", false, 4).sweep();
}

/// The sweeps can fail. A beginning that is not on the disk when the act is done is noticed…
#[test]
fn a_beginning_that_is_not_kept_is_noticed() {
    let lines = |line: &[u8]| (!String::from_utf8_lossy(line).contains("\"began\"")).then(|| line.to_vec());
    let broken = Case { lines, ..case("no beginnings", false, 1) };
    assert!(catch_unwind(AssertUnwindSafe(|| broken.forward())).is_err());
}

/// …and so is calling ours what was there.
#[test]
fn calling_ours_what_was_there_is_noticed() {
    let lines = |line: &[u8]| Some(String::from_utf8_lossy(line).replace("adopted", "done").into_bytes());
    let broken = Case { lines, ..case("nothing is adopted", false, 1) };
    assert!(catch_unwind(AssertUnwindSafe(|| broken.found_before())).is_err());
    broken.forward();
}

fn acted(events: &[Notice]) -> Vec<String> {
    let name = |event: &Notice| match event {
        Notice::Acting { step, .. } => Some(step.0.clone()),
        _ => None,
    };
    events.iter().filter_map(name).collect()
}

#[test]
fn one_at_a_time_is_the_order_of_the_list_and_back() {
    let case = case("order", false, 1);
    let mut scene = Scene::new(&case.world);
    let forth = acted(&scene.run(&case, Kind::Apply, Fault::None).events);
    assert_eq!(forth, case.nodes.iter().map(|node| node.id.0.clone()).collect::<Vec<_>>());
    let state = scene.story().state;
    let preview = engine::rollback_preview(&case.nodes, &state);
    assert!(!preview.fenced);
    let shown: Vec<String> = preview.steps.iter().map(|back| back.node.id.0.clone()).collect();
    let back = acted(&scene.run(&case, Kind::Rollback, Fault::None).events);
    assert_eq!(back, forth.into_iter().rev().collect::<Vec<_>>());
    assert_eq!(back, shown);
    assert!(scene.story().state.rolled_back());
    assert!(engine::rollback_preview(&case.nodes, &scene.story().state).steps.is_empty());
}

#[test]
fn over_the_change_of_servers_new_is_left_as_it_is() {
    let case = case("fence", true, 1);
    let mut scene = Scene::new(&case.world);
    scene.run(&case, Kind::Apply, Fault::None).result.unwrap();
    let preview = engine::rollback_preview(&case.nodes, &scene.story().state).steps;
    let left: Vec<&str> =
        preview.iter().filter(|back| back.way == Way::Abandoned).map(|back| back.node.id.0.as_str()).collect();
    assert_eq!(left, ["grow", "boot", "target"]);
    let ran = scene.run(&case, Kind::Rollback, Fault::None);
    assert_eq!(acted(&ran.events), ["off", "logout", "copy-b", "copy-a", "login", "config"]);
    assert_eq!(ran.result.unwrap().abandoned.len(), 3);
    assert_eq!(scene.story().state.status(&id("boot")), Status::Done);
}

/// Somebody switched old on by hand: new may be up as well, so it is switched off all the same.
#[test]
fn the_change_of_servers_is_taken_back_by_doing_it() {
    let case = case("fence, by hand", true, 1);
    let mut scene = Scene::new(&case.world);
    scene.run(&case, Kind::Apply, Fault::None).result.unwrap();
    scene.world.0.lock().unwrap().remove(&(Server::Old, "/off".into()));
    let ran = scene.run(&case, Kind::Rollback, Fault::None);
    assert_eq!(acted(&ran.events)[0], "off");
    assert_eq!(scene.world.text(Some(Server::Old)), case.world.text(Some(Server::Old)));
}

/// Also where the rollback was killed after the fence itself had been taken back.
#[test]
fn over_the_change_of_servers_new_is_left_however_often_it_takes() {
    let case = case("fence, killed", true, 1);
    let mut applied = Scene::new(&case.world);
    applied.run(&case, Kind::Apply, Fault::None).result.unwrap();
    let new = applied.world.text(Some(Server::New));
    for act in 0..6 {
        let mut scene = applied.fork();
        scene.run(&case, Kind::Rollback, Fault::Kill { act, effect: true }).result.unwrap_err();
        scene.run(&case, Kind::Rollback, Fault::None).result.unwrap();
        assert_eq!(scene.world.text(Some(Server::New)), new);
        assert_eq!(scene.world.text(Some(Server::Old)), case.world.text(Some(Server::Old)));
    }
}

#[test]
fn what_is_lost_after_it_was_done_is_done_again() {
    let case = case("lost", false, 1);
    let mut scene = Scene::new(&case.world);
    scene.run(&case, Kind::Apply, Fault::None).result.unwrap();
    scene.world.0.lock().unwrap().remove(&(Server::Old, "/a".into()));
    let ran = scene.run(&case, Kind::Apply, Fault::None);
    assert_eq!(acted(&ran.events), ["copy-a"]);
    let over: Vec<_> = ran.events.iter().filter(|event| matches!(event, Notice::Over { .. })).collect();
    assert_eq!(over, [&Notice::Over { step: id("login") }]);
    assert_eq!(ran.result.unwrap().done, [id("copy-a")]);
    scene.run(&case, Kind::Rollback, Fault::None).result.unwrap();
    assert_eq!(scene.world.text(None), case.world.text(None));
}

#[test]
fn what_was_found_and_got_lost_is_made_again_and_stays() {
    let mut case = case("found, lost", false, 1);
    case.world = Files::with(&[(Server::Old, "/config", "was\n"), (Server::New, "/target", "t\n")]);
    let mut scene = Scene::new(&case.world);
    scene.run(&case, Kind::Apply, Fault::None).result.unwrap();
    scene.world.0.lock().unwrap().remove(&(Server::New, "/target".into()));
    let ran = scene.run(&case, Kind::Apply, Fault::None);
    assert_eq!(acted(&ran.events), ["target"]);
    scene.run(&case, Kind::Rollback, Fault::None).result.unwrap();
    assert_eq!(scene.world.text(None), case.world.text(None));
}

#[test]
fn the_survey_looks_at_what_was_begun_and_is_not_over() {
    let case = case("survey", false, 1);
    let mut scene = Scene::new(&case.world);
    scene.run(&case, Kind::Apply, Fault::None).result.unwrap();
    scene.world.spoil(&case.nodes[3]);
    let sights = engine::survey(&case.nodes, &scene.story().state, &scene.world);
    assert_eq!(sights.len(), 9);
    for (step, sight) in sights {
        match step.0.as_str() {
            "login" => assert!(matches!(sight, Sight::Over)),
            "copy-a" => assert!(matches!(sight, Sight::Seen(Seen::Foreign(_)))),
            _ => assert!(matches!(sight, Sight::Seen(Seen::Present)), "{step}: {sight:?}"),
        }
    }
    assert!(engine::survey(&case.nodes, Journal::nowhere(scene.story().header).state(), &scene.world).is_empty());
}

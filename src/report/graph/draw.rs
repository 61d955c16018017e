//! The drawing: a column for each stage, in it a lane for each server, in it the steps from top to bottom. What waits for
//! what next to it is a short arrow; what is further away in the lane, a line beside it; in another lane, a curve.

use std::collections::{HashMap, HashSet};
use std::fmt::Display;

use rayon::prelude::*;
use svg::Document;
use svg::node::Blob;
use svg::node::element::path::Data;
use svg::node::element::{Circle, Definitions, Group, Marker, Path, Rectangle, Text, Title};

use super::{colours, edges, stages};
use crate::course::Runbook;
use crate::forecast::{self, Forecast, forecast};
use crate::host::Server;
use crate::report::{about, outline, sign};
use crate::runbook::{Node, Stage, StepId};
use crate::step::Mark;

// all lengths in pixels
const BOX: (f64, f64) = (226.0, 32.0);
/// from one row to the next
const ROW: f64 = 46.0;
/// from the border of a stage to its lanes, and between them
const GAP: f64 = 16.0;
/// between two lines beside a lane
const TRACK: f64 = 6.0;
const TOP: f64 = 128.0;
const INK: &str = "#25303b";
const FAINT: &str = "#6b7785";
const FONT: &str = "DejaVu Sans, Verdana, Helvetica, Arial, sans-serif";

// what the legend says of steps
const DOWN: &str = "services are down";
const FENCE: &str = "old is switched off";
const CHECK: &str = "? checks, changes nothing";
const ASKS: &str = "apply stops and asks";

/// Where a step is drawn.
#[derive(Clone, Copy, PartialEq)]
struct Place {
    lane: usize,
    row: usize,
}

/// One server's steps of one stage.
struct Lane {
    server: Server,
    x: f64,
    /// lines beside it: from row to row, of one step each
    tracks: Vec<Vec<(usize, usize, usize)>>,
}

struct Column {
    stage: Stage,
    x: f64,
    width: f64,
    steps: usize,
    rows: usize,
    lanes: std::ops::Range<usize>,
}

struct Picture<'a> {
    runbook: &'a Runbook,
    forecast: Forecast,
    nodes: &'a [Node],
    edges: Vec<(usize, usize)>,
    /// what each step waits for
    before: Vec<Vec<usize>>,
    places: Vec<Place>,
    lanes: Vec<Lane>,
    columns: Vec<Column>,
}

/// The runbook as SVG.
pub fn svg(runbook: &Runbook) -> String {
    Picture::new(runbook).draw().to_string() + "\n"
}

impl<'a> Picture<'a> {
    fn new(runbook: &'a Runbook) -> Picture<'a> {
        let nodes = &runbook.nodes;
        let edges = edges(nodes);
        let mut before = vec![Vec::new(); nodes.len()];
        edges.iter().for_each(|(from, to)| before[*to].push(*from));
        let mut picture = Picture {
            runbook,
            forecast: forecast(runbook),
            nodes,
            edges,
            before,
            places: vec![Place { lane: 0, row: 0 }; nodes.len()],
            lanes: Vec::new(),
            columns: Vec::new(),
        };
        for (stage, steps) in stages(nodes) {
            picture.place(stage, &steps);
        }
        picture.tracks();
        picture.widths();
        picture
    }

    /// Each step below those of its stage that it waits for, and below the one before it in its lane.
    fn place(&mut self, stage: Stage, steps: &[usize]) {
        let first = self.lanes.len();
        for server in [Server::Old, Server::New] {
            if steps.iter().any(|at| self.nodes[*at].on.server() == server) {
                self.lanes.push(Lane { server, x: 0.0, tracks: Vec::new() });
            }
        }
        let lanes = first..self.lanes.len();
        let mut free = vec![0; lanes.len()];
        for at in steps {
            let lane = lanes
                .clone()
                .find(|lane| self.lanes[*lane].server == self.nodes[*at].on.server())
                .expect("each server of a stage has its lane");
            let before = self.before[*at].iter().filter(|from| self.nodes[**from].stage == stage);
            let below = before.map(|from| self.places[*from].row + 1).max().unwrap_or(0);
            let row = below.max(free[lane - first]);
            free[lane - first] = row + 1;
            self.places[*at] = Place { lane, row };
        }
        let rows = free.into_iter().max().unwrap_or(0);
        self.columns.push(Column { stage, x: 0.0, width: 0.0, steps: steps.len(), rows, lanes });
    }

    fn far_in_lane(&self, (from, to): (usize, usize)) -> bool {
        let (a, b) = (self.places[from], self.places[to]);
        a.lane == b.lane && b.row > a.row + 1
    }

    /// The lines beside the lanes, so that no two lie on each other but those that come from one step.
    fn tracks(&mut self) {
        let far: Vec<_> = self.edges.iter().copied().filter(|edge| self.far_in_lane(*edge)).collect();
        for (from, to) in far {
            let line = (self.places[from].row, self.places[to].row, from);
            let tracks = &mut self.lanes[self.places[from].lane].tracks;
            let clash = |other: &(usize, usize, usize)| other.2 != from && other.0 <= line.1 && line.0 <= other.1;
            match tracks.iter_mut().find(|track| !track.iter().any(clash)) {
                Some(track) => track.push(line),
                None => tracks.push(vec![line]),
            }
        }
    }

    fn widths(&mut self) {
        let mut x = GAP;
        for column in &mut self.columns {
            column.x = x;
            for lane in &mut self.lanes[column.lanes.clone()] {
                x += GAP + TRACK * (lane.tracks.len() + 1) as f64;
                lane.x = x;
                x += BOX.0;
            }
            x += GAP;
            column.width = x - column.x;
            x += 2.0 * GAP;
        }
    }

    /// Top left corner of a step's box.
    fn corner(&self, at: usize) -> (f64, f64) {
        let place = self.places[at];
        (self.lanes[place.lane].x, TOP + ROW * place.row as f64)
    }

    fn draw(&self) -> Document {
        let last = self.columns.last().map_or(0.0, |column| column.x + column.width);
        let rows = self.columns.iter().map(|column| column.rows).max().unwrap_or(0);
        let (width, height) = (last + GAP, TOP + ROW * rows as f64 + GAP);
        let mut document = Document::new()
            .set("viewBox", (0, 0, width.ceil() as i64, height.ceil() as i64))
            .set("width", width.ceil())
            .set("height", height.ceil())
            .set("font-family", FONT)
            .add(Definitions::new().add(arrow_head()))
            .add(Rectangle::new().set("width", "100%").set("height", "100%").set("fill", "#ffffff"))
            .add(text(GAP, 28.0, 17.0, INK, &self.runbook.name).set("font-weight", "bold"))
            .add(text(GAP, 48.0, 12.0, FAINT, &outline(self.runbook, &self.forecast)))
            .add(self.legend(width));
        for column in &self.columns {
            document = document.add(self.column(column, height));
        }
        // below the boxes: lines between stages may pass behind them
        let (inside, across): (Vec<(usize, usize)>, Vec<_>) =
            self.edges.iter().copied().partition(|&(from, to)| self.nodes[from].stage == self.nodes[to].stage);
        document.add(self.lines(&across, "#b3bcc7")).add(self.lines(&inside, "#7d8996")).add(self.steps())
    }

    fn legend(&self, width: f64) -> Group {
        let kinds = [
            (("#e4eefb", "#3b6fb0"), "on old"),
            (("#e6f4e6", "#3f8f4f"), "on new, in rescue"),
            (("#fdf3d8", "#b58a1b"), "on new, migrated"),
            (("#fbe0de", "#c0392b"), "destroys data"),
        ];
        let entries = |words: &[&'static str], y: f64| -> Vec<(f64, f64, &'static str)> {
            let mut x = width - 930.0;
            let place = |word: &&'static str| {
                let here = x;
                x += 42.0 + 6.4 * word.len() as f64;
                (here, y, *word)
            };
            words.iter().map(place).collect()
        };
        let first = entries(&[kinds[0].1, kinds[1].1, kinds[2].1, kinds[3].1, DOWN, "+ create   ~ change"], 28.0);
        let second = entries(&[FENCE, CHECK, ASKS], 48.0);
        let mut group = Group::new();
        for (x, y, word) in first.into_iter().chain(second) {
            let mark =
                Rectangle::new().set("x", x).set("y", y - 10.0).set("height", 12).set("width", 18).set("rx", 2);
            let mark = mark.set("fill", "#ffffff").set("stroke", FAINT);
            if let Some(((fill, border), _)) = kinds.iter().find(|(_, kind)| *kind == word) {
                group = group.add(mark.set("fill", *fill).set("stroke", *border));
            } else if word == DOWN {
                group = group.add(
                    mark.set("x", x + 12.0).set("width", 5).set("rx", 0).set("fill", "#e08a1e").set("stroke", "none"),
                );
            } else if word == FENCE {
                group = group.add(mark.set("stroke-width", 2.5));
            } else if word == CHECK {
                group = group.add(mark.set("stroke-dasharray", "4 3"));
            } else if word == ASKS {
                group = group.add(asks(x + 12.0, y - 4.0));
            }
            group = group.add(text(x + 24.0, y, 11.0, INK, word));
        }
        group
    }

    fn column(&self, column: &Column, height: f64) -> Group {
        let frame = Rectangle::new()
            .set("x", column.x)
            .set("y", 62)
            .set("width", column.width)
            .set("height", height - 62.0 - GAP / 2.0)
            .set("rx", 6)
            .set("fill", "#f6f7f9")
            .set("stroke", "#d5dae0");
        let mut says = format!("{} steps", column.steps);
        match column.stage {
            Stage::Copy => says += &format!(", about {}", about(self.forecast.seconds)),
            Stage::Cutover => {
                says += &format!(", down for about {} in all", about(self.forecast.downtime.seconds));
            }
            _ => {}
        }
        let stage = column.stage.to_string();
        let mut group = Group::new()
            .add(frame)
            .add(text(column.x + 12.0, 86.0, 15.0, INK, &stage).set("font-weight", "bold"))
            .add(text(column.x + 24.0 + 9.5 * stage.len() as f64, 86.0, 11.0, FAINT, &says));
        for lane in &self.lanes[column.lanes.clone()] {
            group = group.add(text(lane.x, 112.0, 11.0, FAINT, &lane.server.to_string()).set("font-weight", "bold"));
        }
        group
    }

    // Of steps and lines there can be ten thousands: what all of them have in common is said once, of their group.

    fn steps(&self) -> Group {
        let down: HashSet<&StepId> = forecast::down(self.nodes).iter().map(|node| &node.id).collect();
        let stops: HashMap<_, _> = self.forecast.stops.iter().map(|stop| (&stop.step, stop.why.as_str())).collect();
        let step = |(at, node): (usize, &Node)| self.step(at, down.contains(&node.id), stops.get(&node.id).copied());
        Group::new()
            .set("font-size", 9.5)
            .set("fill", FAINT)
            .add(printed(self.nodes.par_iter().enumerate().map(step)))
    }

    fn step(&self, at: usize, down: bool, stop: Option<&str>) -> Group {
        let node = &self.nodes[at];
        let step = node.step.as_step();
        let (x, y) = self.corner(at);
        let (fill, border) = colours(node);
        let mut frame = Rectangle::new()
            .set("width", BOX.0)
            .set("height", BOX.1)
            .set("rx", 4)
            .set("fill", fill)
            .set("stroke", border);
        if node.fence {
            frame = frame.set("stroke-width", 2.5);
        }
        if step.mark() == Mark::Check {
            frame = frame.set("stroke-dasharray", "4 3");
        }
        let title = step.title();
        let stops = stop.map_or(String::new(), |why| format!("; apply stops here and asks: {why}"));
        let name = format!("{} {}", sign(step.mark()), cut(&node.id.0, 30));
        let mut group = Group::new()
            .set("transform", format!("translate({x} {y})"))
            .add(Title::new(format!("{}: {title} ({}){stops}", node.id, node.why)))
            .add(frame)
            .add(text(10.0, 13.5, 10.5, INK, &name).set("font-weight", "bold"))
            .add(Text::new(cut(&title, 38)).set("x", 10).set("y", 26));
        if down {
            group = group.add(Rectangle::new().set("width", 4).set("height", BOX.1).set("fill", "#e08a1e"));
        }
        if stop.is_some() {
            group = group.add(asks(BOX.0 - 3.0, 3.0));
        }
        group
    }

    fn lines(&self, edges: &[(usize, usize)], colour: &str) -> Group {
        Group::new()
            .set("fill", "none")
            .set("stroke", colour)
            .set("stroke-width", 1.2)
            .set("marker-end", "url(#to)")
            .add(printed(edges.par_iter().map(|edge| Path::new().set("d", self.line(*edge)))))
    }

    fn line(&self, (from, to): (usize, usize)) -> Data {
        let (a, b) = (self.places[from], self.places[to]);
        let ((ax, ay), (bx, by)) = (self.corner(from), self.corner(to));
        let (am, bm) = (ay + BOX.1 / 2.0, by + BOX.1 / 2.0);
        if a.lane == b.lane && b.row == a.row + 1 {
            let middle = ax + BOX.0 / 2.0;
            Data::new().move_to((middle, ay + BOX.1)).line_to((middle, by))
        } else if a.lane == b.lane {
            let tracks = &self.lanes[a.lane].tracks;
            let track = tracks.iter().position(|track| track.contains(&(a.row, b.row, from))).unwrap_or(0);
            let x = ax - 10.0 - TRACK * track as f64;
            let (am, bm) = (am + 5.0, bm - 5.0);
            Data::new()
                .move_to((ax, am))
                .line_to((x + 4.0, am))
                .quadratic_curve_to((x, am, x, am + 4.0))
                .line_to((x, bm - 4.0))
                .quadratic_curve_to((x, bm, x + 4.0, bm))
                .line_to((bx, bm))
        } else {
            // leaves to the side on which the other lane is
            let (start, end) = if ax < bx { (ax + BOX.0, bx) } else { (ax, bx + BOX.0) };
            let pull = ((end - start).abs() / 2.0).clamp(18.0, 90.0) * (end - start).signum();
            Data::new().move_to((start, am)).cubic_curve_to((start + pull, am, end - pull, bm, end, bm))
        }
    }
}

/// Elements as text. Kept as a tree, so many take longer to be given back than to be made.
fn printed<Element: Display>(elements: impl ParallelIterator<Item = Element>) -> Blob {
    Blob::new(elements.map(|element| element.to_string()).collect::<Vec<_>>().join("\n"))
}

/// Where `apply` stops and asks.
fn asks(x: f64, y: f64) -> Group {
    Group::new()
        .add(Circle::new().set("cx", x).set("cy", y).set("r", 7).set("fill", INK))
        .add(text(x, y + 4.0, 11.0, "#ffffff", "!").set("font-weight", "bold").set("text-anchor", "middle"))
}

fn arrow_head() -> Marker {
    Marker::new()
        .set("id", "to")
        .set("viewBox", "0 0 8 8")
        .set("refX", 7)
        .set("refY", 4)
        .set("markerWidth", 6)
        .set("markerHeight", 6)
        .set("orient", "auto")
        .add(Path::new().set("d", "M0 0 L8 4 L0 8 Z").set("fill", "#7d8996"))
}

fn text(x: f64, y: f64, size: f64, colour: &str, content: &str) -> Text {
    Text::new(content).set("x", x).set("y", y).set("font-size", size).set("fill", colour)
}

/// At most so many letters; the whole is in the title, which browsers show.
fn cut(text: &str, most: usize) -> String {
    match text.chars().count() > most {
        true => text.chars().take(most - 1).chain(['…']).collect(),
        false => text.into(),
    }
}

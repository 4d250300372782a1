//! Scripts of what happens to regions, and the verdict after each line.

mod changing;
mod excluded;

use std::collections::BTreeMap;
use std::fmt::Write;
use std::time::Duration;

use expect_test::{Expect, expect};
use gameday_core::{Outcome, ProbeName, Reason, RegionName, Timestamp};

use super::*;

const EPOCH_US: i64 = 1_795_352_907_000_000;

fn us(seconds: f64) -> i64 {
    Timestamp::from_unix_seconds(seconds).unwrap().as_micros()
}

fn at(seconds: f64) -> Timestamp {
    Timestamp::from_micros(EPOCH_US + us(seconds))
}

struct Play {
    quorum: Quorum,
    probe: ProbeName,
    /// Who is still heard.
    heard: BTreeMap<RegionName, bool>,
}

/// Each line of the script: `SECONDS REGION[,REGION…] WORD [ARGUMENT]`. The first region is ours.
///
/// `up`, `down`, `unknown`: it looked, for 100 ms. `control ok|lost`, `clock OFFSET_S [ERROR_S]`, `build V`,
/// `definition D`, `silent`, `back`, or `tick`: only the time went on.
#[track_caller]
fn check(threshold: &str, regions: &str, script: &str, expect: Expect) {
    check_every(threshold, regions, Duration::from_secs(1), script, expect);
}

#[track_caller]
fn check_every(threshold: &str, regions: &str, every: Duration, script: &str, expect: Expect) {
    let names: Vec<RegionName> = regions.split(' ').map(|name| name.parse().unwrap()).collect();
    let rules = Rules {
        threshold: threshold.parse().unwrap(),
        confirm_within: Duration::from_secs(10),
        clock_within: Duration::from_secs(1),
        unseen_after: Duration::from_secs(10),
    };
    let mut play = Play {
        quorum: Quorum::new(rules, names.clone()),
        probe: ProbeName::new("checkout").unwrap(),
        heard: names.iter().map(|name| (name.clone(), true)).collect(),
    };
    play.quorum.know(&names[0], |facts| facts.is_here = true);
    play.quorum.expect([Watched {
        name: play.probe.clone(),
        every,
        timeout: Duration::from_secs(2),
        definition: "ours".to_owned(),
    }]);
    let mut told = String::new();
    for line in script.lines().map(str::trim).filter(|line| !line.is_empty()) {
        play.act(line);
        play.tell(line, &names[0], &mut told);
    }
    expect.assert_eq(&told);
}

impl Play {
    fn act(&mut self, line: &str) {
        let words: Vec<&str> = line.split_whitespace().collect();
        let seconds: f64 = words[0].parse().unwrap();
        let now = at(seconds);
        for (region, _) in self.heard.iter().filter(|(_, heard)| **heard) {
            self.quorum.know(region, |facts| {
                facts.heard = Some(now);
                facts.clock.get_or_insert((0, 1000));
                facts
                    .probes
                    .get_or_insert_with(|| [(self.probe.clone(), "ours".to_owned())].into());
            });
        }
        if words[1] == "tick" {
            return;
        }
        for region in words[1].split(',') {
            self.one(&region.parse().unwrap(), seconds, &words[2..]);
        }
    }

    fn one(&mut self, region: &RegionName, seconds: f64, words: &[&str]) {
        let now = at(seconds);
        let us = |text: &str| us(text.parse().unwrap());
        let outcome = match words[0] {
            "up" => Some(Outcome::Up { slow: vec![] }),
            "down" => Some(Outcome::Down(Reason::HttpStatus)),
            "unknown" => Some(Outcome::Unknown(Reason::CannotLook)),
            _ => None,
        };
        if let Some(outcome) = outcome {
            let look = Look {
                began: at(seconds - 0.1),
                ended: now,
                outcome,
            };
            self.quorum.looked(region, &self.probe, look, now);
            return;
        }
        self.quorum.know(region, |facts| match words {
            ["control", "ok"] => {
                facts.control = Some(Control {
                    lost: None,
                    reached_at: Some(now),
                });
            }
            ["control", "lost"] => {
                let reached_at = facts.control.take().and_then(|control| control.reached_at);
                facts.control = Some(Control {
                    lost: Some("connect_timeout".to_owned()),
                    reached_at,
                });
            }
            ["clock", offset] => facts.clock = Some((us(offset), 1000)),
            ["clock", offset, error] => facts.clock = Some((us(offset), us(error))),
            ["build", theirs] => {
                facts.other_build = Some(OtherBuild {
                    theirs: (*theirs).to_owned(),
                    ours: "0.1.0".to_owned(),
                });
            }
            ["region", is] => facts.is_another = Some((*is).to_owned()),
            ["definition", definition] => {
                let probe = ProbeName::new("checkout").unwrap();
                facts.probes = Some([(probe, (*definition).to_owned())].into());
            }
            ["lacks"] => facts.probes = Some(BTreeMap::new()),
            ["silent"] => facts.trouble = Some("connect_timeout".to_owned()),
            ["back"] => facts.trouble = None,
            _ => panic!("{words:?}"),
        });
        match words {
            ["silent"] => drop(self.heard.insert(region.clone(), false)),
            ["back"] => {
                self.heard.insert(region.clone(), true);
                self.quorum.know(region, |facts| facts.heard = Some(now));
            }
            _ => {}
        }
    }

    fn tell(&mut self, line: &str, here: &RegionName, told: &mut String) {
        let now = at(line.split_whitespace().next().unwrap().parse().unwrap());
        self.quorum.tick(now);
        let verdict = self.quorum.verdicts().next().unwrap();
        write!(told, "{line}: {}", verdict.word.as_str()).unwrap();
        for (flag, word) in [
            (verdict.advisory, " advisory"),
            (verdict.confirming, " confirming"),
        ] {
            told.push_str(if flag { word } else { "" });
        }
        told.push_str(" |");
        for vote in &verdict.regions {
            match &vote.why {
                None => write!(told, " {} {};", vote.region, vote.says).unwrap(),
                Some(why) => write!(told, " ({} {}: {why});", vote.region, vote.says).unwrap(),
            }
        }
        if !self.quorum.to_confirm(here, now).is_empty() {
            told.push_str(" LOOK");
        }
        told.push('\n');
    }
}

#[test]
fn one_region_alone_is_never_down() {
    check(
        "2 of 3",
        "eu us ap",
        "0 eu,us,ap up
         5 us down
         5.5 eu,ap up
         9 us down
         9.2 eu,ap up
         16 us down
         16.1 eu,ap up",
        expect![[r#"
            0 eu,us,ap up: up | ap up; eu up; us up;
            5 us down: up confirming | ap up; eu up; us down;
            5.5 eu,ap up: up confirming | ap up; eu up; us down;
            9 us down: up confirming | ap up; eu up; us down;
            9.2 eu,ap up: up confirming | ap up; eu up; us down;
            16 us down: down advisory | (ap up: its last look is 6 s old); (eu up: its last look is 6 s old); us down;
            16.1 eu,ap up: up | ap up; eu up; us down;
        "#]],
    );
}

#[test]
fn two_of_three_within_the_window_are_down_until_one_of_them_is_up_again() {
    check(
        "2 of 3",
        "eu us ap",
        "0 eu,us,ap up
         1 us down
         1.4 eu down
         1.5 ap up
         2 us,eu down
         20 us,eu down
         20.1 ap up
         21 us up
         22 eu up",
        expect![[r#"
            0 eu,us,ap up: up | ap up; eu up; us up;
            1 us down: up confirming | ap up; eu up; us down;
            1.4 eu down: down | ap up; eu down; us down;
            1.5 ap up: down | ap up; eu down; us down;
            2 us,eu down: down | ap up; eu down; us down;
            20 us,eu down: down | (ap up: its last look is 18 s old); eu down; us down;
            20.1 ap up: down | ap up; eu down; us down;
            21 us up: up | ap up; eu down; us up;
            22 eu up: up | ap up; eu up; us up;
        "#]],
    );
}

#[test]
fn looks_far_apart_are_no_confirmation_and_another_look_is_asked_for() {
    check_every(
        "2 of 2",
        "eu us",
        Duration::from_secs(60),
        "0 eu,us up
         30 us down
         30.1 tick
         31.2 eu up
         45 tick
         60 eu down
         60.3 us down
         90 eu,us up",
        expect![[r#"
            0 eu,us up: up | eu up; us up;
            30 us down: up confirming | eu up; us down; LOOK
            30.1 tick: up confirming | eu up; us down;
            31.2 eu up: up confirming | eu up; us down;
            45 tick: up | eu up; us down;
            60 eu down: up confirming | eu down; us down;
            60.3 us down: down | eu down; us down;
            90 eu,us up: up | eu up; us up;
        "#]],
    );
}

#[test]
fn below_the_quorum_it_is_only_advisory() {
    check(
        "2 of 3",
        "eu us ap",
        "0 eu up
         1 us up
         2 eu,us down
         2 ap silent
         12 eu,us,ap down
         14 us silent
         26 eu down
         27 us back
         27 us down
         27.1 eu down",
        expect![[r#"
            0 eu up: up advisory | (ap silent: it has not looked yet); eu up; (us silent: it has not looked yet);
            1 us up: up | (ap silent: it has not looked yet); eu up; us up;
            2 eu,us down: down | (ap silent: it has not looked yet); eu down; us down;
            2 ap silent: down | (ap silent: it has not looked yet); eu down; us down;
            12 eu,us,ap down: down | ap down; eu down; us down;
            14 us silent: down | (ap down: cannot be seen: connect_timeout); eu down; us down;
            26 eu down: down advisory | (ap down: cannot be seen: connect_timeout); eu down; (us down: cannot be seen: connect_timeout);
            27 us back: down advisory | (ap down: cannot be seen: connect_timeout); eu down; (us down: its last look is 15 s old);
            27 us down: down | (ap down: cannot be seen: connect_timeout); eu down; us down;
            27.1 eu down: down | (ap down: cannot be seen: connect_timeout); eu down; us down;
        "#]],
    );
}

#[test]
fn one_of_many_needs_no_confirmation() {
    check(
        "1 of 2",
        "eu us",
        "0 eu,us up
         1 us down
         2 us up",
        expect![[r#"
            0 eu,us up: up | eu up; us up;
            1 us down: down | eu up; us down;
            2 us up: up | eu up; us up;
        "#]],
    );
}

#[test]
fn a_quorum_is_so_many_of_so_many() {
    for good in ["1 of 1", "2 of 3", "32 of 32"] {
        assert_eq!(good.parse::<Threshold>().unwrap().to_string(), good);
    }
    for bad in [
        "",
        "2",
        "0 of 3",
        "4 of 3",
        "2 of 33",
        "2 out of 3",
        "-1 of 3",
        "2of3",
        "a of b",
    ] {
        assert!(bad.parse::<Threshold>().unwrap_err().contains("2 of 3"), "{bad}");
    }
    assert_eq!([2, 3, 4, 5].map(|of| Threshold::majority(of).down), [2, 2, 3, 3]);
}

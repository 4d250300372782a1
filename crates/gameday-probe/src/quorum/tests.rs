//! Scripts of what happens to regions, and the verdict after each line.

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
fn a_region_that_is_cut_off_knows_it_and_the_others_only_miss_it() {
    // Seen from the region that is cut off: nobody is heard, nothing answers, nor does its control target.
    check(
        "2 of 3",
        "eu us ap",
        "0 eu,us,ap control ok
         0 eu,us,ap up
         2 us,ap silent
         3 eu down
         5 eu control lost
         14 eu down
         30 eu down
         40 eu control ok
         40 us,ap back
         40 eu,us,ap up",
        expect![[r#"
            0 eu,us,ap control ok: unknown advisory | (ap silent: it has not looked yet); (eu silent: it has not looked yet); (us silent: it has not looked yet);
            0 eu,us,ap up: up | ap up; eu up; us up;
            2 us,ap silent: up | ap up; eu up; us up;
            3 eu down: up | ap up; eu up; us up;
            5 eu control lost: up | ap up; (eu down: cannot reach its control target: connect_timeout); us up;
            14 eu down: unknown advisory | (ap up: cannot be seen: connect_timeout); (eu down: cannot reach its control target: connect_timeout); (us up: cannot be seen: connect_timeout);
            30 eu down: unknown advisory | (ap up: cannot be seen: connect_timeout); (eu down: cannot reach its control target: connect_timeout); (us up: cannot be seen: connect_timeout);
            40 eu control ok: unknown advisory | (ap up: cannot be seen: connect_timeout); (eu down: its last look is 10 s old); (us up: cannot be seen: connect_timeout);
            40 us,ap back: unknown advisory | (ap up: its last look is 40 s old); (eu down: its last look is 10 s old); (us up: its last look is 40 s old);
            40 eu,us,ap up: up | ap up; eu up; us up;
        "#]],
    );
    // Seen from another: it is missed, and the service is still up.
    check(
        "2 of 3",
        "eu us ap",
        "0 eu,us,ap up
         2 ap silent
         11 eu,us up
         13 eu,us up
         14 eu down
         14.5 us down
         15 ap back
         15 ap,us,eu up",
        expect![[r#"
            0 eu,us,ap up: up | ap up; eu up; us up;
            2 ap silent: up | ap up; eu up; us up;
            11 eu,us up: up | (ap up: its last look is 11 s old); eu up; us up;
            13 eu,us up: up | (ap up: cannot be seen: connect_timeout); eu up; us up;
            14 eu down: up confirming | (ap up: cannot be seen: connect_timeout); eu down; us up;
            14.5 us down: down | (ap up: cannot be seen: connect_timeout); eu down; us down;
            15 ap back: down | (ap up: its last look is 15 s old); eu down; us down;
            15 ap,us,eu up: up | ap up; eu up; us up;
        "#]],
    );
}

#[test]
fn a_look_that_says_down_counts_only_once_the_control_target_was_reached_after_it() {
    check(
        "2 of 2",
        "eu us",
        "0 eu,us control ok
         0 eu,us up
         2 eu,us down
         2.1 eu control ok
         2.2 us control lost
         3 eu,us down
         3.1 eu,us control ok
         4 eu,us up",
        expect![[r#"
            0 eu,us control ok: unknown advisory | (eu silent: it has not looked yet); (us silent: it has not looked yet);
            0 eu,us up: up | eu up; us up;
            2 eu,us down: up | eu up; us up;
            2.1 eu control ok: up confirming | eu down; us up;
            2.2 us control lost: down advisory | eu down; (us down: cannot reach its control target: connect_timeout);
            3 eu,us down: down advisory | eu down; (us down: cannot reach its control target: connect_timeout);
            3.1 eu,us control ok: down | eu down; us down;
            4 eu,us up: up | eu up; us up;
        "#]],
    );
}

#[test]
fn another_build_region_or_definition_is_told_and_does_not_count() {
    check(
        "2 of 3",
        "eu us ap",
        "0 eu,us,ap down
         1 us build 9.9.9
         2 ap region ca
         3 us definition ours",
        expect![[r#"
            0 eu,us,ap down: down | ap down; eu down; us down;
            1 us build 9.9.9: down | ap down; eu down; (us down: its gameday is 9.9.9, ours 0.1.0);
            2 ap region ca: down advisory | (ap down: the prober there looks from ca); eu down; (us down: its gameday is 9.9.9, ours 0.1.0);
            3 us definition ours: down advisory | (ap down: the prober there looks from ca); eu down; (us down: its gameday is 9.9.9, ours 0.1.0);
        "#]],
    );
    check(
        "1 of 3",
        "eu us ap",
        "0 eu,us,ap down
         1 us definition theirs
         2 ap lacks
         3 us definition ours",
        expect![[r#"
            0 eu,us,ap down: down | ap down; eu down; us down;
            1 us definition theirs: down | ap down; eu down; (us down: its definition of this probe is another than ours);
            2 ap lacks: down | (ap down: it has no probe of this name); eu down; (us down: its definition of this probe is another than ours);
            3 us definition ours: down | (ap down: it has no probe of this name); eu down; us down;
        "#]],
    );
}

#[test]
fn the_clock_that_is_off_is_excluded_even_if_it_is_ours() {
    check(
        "2 of 3",
        "eu us ap",
        "0 eu,us,ap up
         1 us clock 0.9
         2 us clock 1.4 0.5
         3 us clock 3600
         4 ap clock 3600.2
         5 us clock -3600
         6 us,ap clock 0",
        expect![[r#"
            0 eu,us,ap up: up | ap up; eu up; us up;
            1 us clock 0.9: up | ap up; eu up; us up;
            2 us clock 1.4 0.5: up | ap up; eu up; us up;
            3 us clock 3600: up | ap up; eu up; (us up: its clock is 3600.000 s ahead (±0.001 s));
            4 ap clock 3600.2: up | ap up; (eu up: its clock is 3600.000 s behind (±0.000 s)); us up;
            5 us clock -3600: up advisory | (ap up: its clock is 3600.200 s ahead (±0.001 s)); eu up; (us up: its clock is 3600.000 s behind (±0.001 s));
            6 us,ap clock 0: up | ap up; eu up; us up;
        "#]],
    );
    // Of two clocks nobody can say which is wrong: each leaves the other out.
    check(
        "2 of 2",
        "eu us",
        "0 eu,us up
         1 us clock -30",
        expect![[r#"
            0 eu,us up: up | eu up; us up;
            1 us clock -30: up advisory | eu up; (us up: its clock is 30.000 s behind (±0.001 s));
        "#]],
    );
}

#[test]
fn silence_and_unknown_are_no_word() {
    check(
        "2 of 2",
        "eu us",
        "0 eu up
         1 us unknown
         2 us up
         8 eu,us unknown
         9 us up
         17 tick",
        expect![[r#"
            0 eu up: up advisory | eu up; (us silent: it has not looked yet);
            1 us unknown: up advisory | eu up; (us unknown: it could not look);
            2 us up: up | eu up; us up;
            8 eu,us unknown: unknown advisory | (eu unknown: it could not look); (us unknown: it could not look);
            9 us up: up advisory | (eu unknown: it could not look); us up;
            17 tick: unknown advisory | (eu unknown: it could not look); (us up: its last look is 8 s old);
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

#[test]
fn a_probe_that_is_defined_anew_begins_anew_and_one_that_is_gone_has_no_verdict() {
    let eu = RegionName::new("eu").unwrap();
    let rules = Rules {
        threshold: "1 of 1".parse().unwrap(),
        confirm_within: Duration::from_secs(10),
        clock_within: Duration::from_secs(1),
        unseen_after: Duration::from_secs(10),
    };
    let watched = |name: &str, definition: &str| Watched {
        name: ProbeName::new(name).unwrap(),
        every: Duration::from_secs(1),
        timeout: Duration::from_secs(1),
        definition: definition.to_owned(),
    };
    let mut quorum = Quorum::new(rules, [eu.clone()]);
    quorum.know(&eu, |facts| facts.is_here = true);
    quorum.expect([watched("a", "1"), watched("b", "1"), watched("c", "1")]);
    for name in ["a", "b", "c"] {
        let outcome = Outcome::Down(Reason::Timeout);
        let look = Look {
            began: at(0.0),
            ended: at(0.1),
            outcome,
        };
        let changed = quorum.looked(&eu, &ProbeName::new(name).unwrap(), look, at(0.1));
        assert_eq!(changed.unwrap().word, Word::Down);
    }
    quorum.expect([watched("a", "1"), watched("b", "2")]);
    quorum.tick(at(0.2));
    let words: Vec<_> = quorum
        .verdicts()
        .map(|verdict| (verdict.probe.as_str(), verdict.word))
        .collect();
    assert_eq!(words, [("a", Word::Down), ("b", Word::Unknown)]);
}

#[test]
fn other_regions_and_rules_leave_what_is_known_of_those_that_stay() {
    let [eu, us, ap] = ["eu", "us", "ap"].map(|name| name.parse::<RegionName>().unwrap());
    let mut quorum = Quorum::new(Rules::usual(2), [eu.clone(), us.clone()]);
    let probe = ProbeName::new("checkout").unwrap();
    quorum.know(&eu, |facts| facts.is_here = true);
    quorum.expect([Watched {
        name: probe.clone(),
        every: Duration::from_secs(1),
        timeout: Duration::from_secs(2),
        definition: "ours".to_owned(),
    }]);
    let down = Look {
        began: at(0.0),
        ended: at(0.1),
        outcome: Outcome::Down(Reason::HttpStatus),
    };
    for region in [&eu, &us] {
        quorum.know(region, |facts| {
            facts.heard = Some(at(1.0));
            facts.clock = Some((0, 1000));
            facts.probes = Some([(probe.clone(), "ours".to_owned())].into());
        });
        quorum.looked(region, &probe, down.clone(), at(1.0));
    }
    let says = |quorum: &Quorum| {
        let verdict = quorum.verdicts().next().unwrap();
        let votes = verdict
            .regions
            .iter()
            .map(|vote| format!("{} {}", vote.region, vote.says));
        (
            verdict.word,
            verdict.advisory,
            votes.collect::<Vec<_>>().join(", "),
        )
    };
    assert_eq!(says(&quorum), (Word::Down, false, "eu down, us down".to_owned()));
    quorum.reform(Rules::usual(3), [eu.clone(), us.clone(), ap.clone()]);
    quorum.tick(at(1.5));
    assert_eq!(
        says(&quorum),
        (Word::Down, false, "ap silent, eu down, us down".to_owned())
    );
    // Somebody else answers for it now.
    quorum.forget(&us);
    quorum.tick(at(1.6));
    assert_eq!(
        says(&quorum),
        (Word::Down, true, "ap silent, eu down, us silent".to_owned())
    );
    quorum.reform(Rules::usual(1), [eu]);
    quorum.tick(at(1.7));
    assert_eq!(says(&quorum), (Word::Down, false, "eu down".to_owned()));
}

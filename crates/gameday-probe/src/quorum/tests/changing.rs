//! Probes, regions and rules that change while the quorum goes on.

use super::*;

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

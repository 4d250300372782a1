//! What a receiver is told, as a script of moments.

use super::*;
use crate::notify::turn::Turn;

/// A board with one alert of each name, and one receiver.
struct Rig {
    outbox: Outbox,
    wanted: BTreeMap<String, Notice>,
    begin: Instant,
    at: u64,
}

fn notice(key: &str, starts_at: i64) -> Notice {
    Notice {
        key: key.to_owned(),
        severity: if key.starts_with("ticket") {
            Severity::Ticket
        } else {
            Severity::Page
        },
        labels: BTreeMap::new(),
        summary: key.to_owned(),
        description: "bad".to_owned(),
        runbook: None,
        starts_at: Timestamp::from_micros(starts_at),
        ends_at: None,
    }
}

impl Rig {
    fn new(told: Vec<Notice>) -> Self {
        Self {
            outbox: Outbox::restore(told),
            wanted: BTreeMap::new(),
            begin: Instant::now(),
            at: 0,
        }
    }

    fn fires(&mut self, key: &str, starts_at: i64) {
        self.wanted.insert(key.to_owned(), notice(key, starts_at));
    }

    fn over(&mut self, key: &str) {
        self.wanted.get_mut(key).unwrap().ends_at = Some(Timestamp::from_micros(99_000_000));
    }

    fn next(&self, quiet: bool) -> Next {
        let hears = |severity| !(quiet && severity == Severity::Ticket);
        let now = self.begin + Duration::from_secs(self.at);
        self.outbox.next(
            &self.wanted,
            hears,
            |_| Turn::Now,
            (now, Timestamp::from_micros(100_000_000)),
        )
    }

    /// Sends what is due, with this end; `key status`, or what is waited for.
    fn step(&mut self, how: &Sent) -> String {
        match self.next(false) {
            Next::Send(notice) => {
                let given_up = self
                    .outbox
                    .sent(&notice, how, self.begin + Duration::from_secs(self.at));
                let word = if given_up { " given up" } else { "" };
                format!("{} {}{word}", notice.key, notice.status())
            }
            Next::Wait(at) => format!("wait {}", at.duration_since(self.begin).as_secs()),
            Next::Nothing => "nothing".to_owned(),
        }
    }
}

fn later(after: Option<u64>) -> Sent {
    Sent::Later {
        why: "503".to_owned(),
        after: after.map(Duration::from_secs),
    }
}

#[test]
fn each_beginning_and_each_end_is_told_once_and_pages_first() {
    let mut rig = Rig::new(Vec::new());
    rig.fires("ticket-a", 1);
    rig.fires("page-b", 3);
    rig.fires("page-a", 2);
    let told: Vec<String> = (0..4).map(|_| rig.step(&Sent::Taken)).collect();
    assert_eq!(
        told,
        ["page-a firing", "page-b firing", "ticket-a firing", "nothing"]
    );
    rig.over("page-a");
    assert_eq!(rig.step(&Sent::Taken), "page-a resolved");
    assert_eq!(rig.step(&Sent::Taken), "nothing");
    rig.fires("page-a", 50);
    assert_eq!(rig.step(&Sent::Taken), "page-a firing", "it begins anew");
}

#[test]
fn what_was_over_before_it_could_be_told_is_not_told() {
    let mut rig = Rig::new(Vec::new());
    rig.fires("page-a", 1);
    assert_eq!(rig.step(&later(None)), "page-a firing");
    rig.over("page-a");
    rig.at = 60;
    assert_eq!(rig.step(&Sent::Taken), "nothing");
}

#[test]
fn pauses_double_up_to_a_minute_and_a_receiver_may_ask_for_more() {
    let mut rig = Rig::new(Vec::new());
    rig.fires("page-a", 1);
    let mut pauses = Vec::new();
    for _ in 0..8 {
        assert_eq!(rig.step(&later(None)), "page-a firing");
        let Next::Wait(at) = rig.next(false) else {
            panic!("it waits")
        };
        let at = at.duration_since(rig.begin).as_secs();
        pauses.push(at - rig.at);
        rig.at = at;
    }
    assert_eq!(pauses, [1, 2, 4, 8, 16, 32, 60, 60]);
    rig.step(&later(Some(240)));
    assert_eq!(rig.step(&Sent::Taken), format!("wait {}", rig.at + 240));
    rig.at += 240;
    rig.step(&later(Some(86_400)));
    assert_eq!(
        rig.step(&Sent::Taken),
        format!("wait {}", rig.at + 300),
        "but not for a day"
    );
}

#[test]
fn a_message_is_given_up_in_the_end_and_a_new_one_is_not() {
    let mut rig = Rig::new(Vec::new());
    rig.fires("page-a", 1);
    let mut tries = 0;
    while rig.step(&later(None)) != "page-a firing given up" {
        tries += 1;
        rig.at += 60;
    }
    assert_eq!(tries, MOST_TRIES - 1);
    assert_eq!(rig.step(&Sent::Taken), "nothing");
    rig.fires("page-a", 2);
    assert_eq!(
        rig.step(&Sent::Never {
            why: "404".to_owned()
        }),
        "page-a firing given up"
    );
    rig.fires("page-a", 3);
    assert_eq!(rig.step(&Sent::Taken), "page-a firing");
}

#[test]
fn tickets_wait_for_the_end_of_quiet_hours_and_pages_do_not() {
    let mut rig = Rig::new(Vec::new());
    rig.fires("ticket-a", 1);
    assert_eq!(rig.next(true), Next::Nothing);
    assert_eq!(rig.outbox.waiting(&rig.wanted, Timestamp::from_micros(0)), 1);
    rig.fires("page-a", 2);
    assert!(matches!(rig.next(true), Next::Send(page) if page.key == "page-a"));
    rig.step(&Sent::Taken);
    assert_eq!(rig.step(&Sent::Taken), "ticket-a firing", "it is morning");
}

#[test]
fn a_restart_tells_nothing_twice_and_ends_what_is_gone() {
    let mut rig = Rig::new(vec![notice("page-a", 1), notice("page-b", 1)]);
    rig.fires("page-a", 1);
    // Nobody looks at b any more.
    assert_eq!(rig.step(&Sent::Taken), "page-b resolved");
    assert_eq!(rig.step(&Sent::Taken), "nothing");
    assert_eq!(rig.outbox.told().count(), 1);
}

//! Three probers that ask one another each second, with answers that take their time; who tells of what all see.

use rand::rngs::SmallRng;
use rand::{RngExt as _, SeedableRng as _};

use super::*;

const STEP: Duration = Duration::from_millis(50);
const LIMIT: Duration = Duration::from_secs(10);
const NAMES: [&str; 3] = ["ap-south", "eu-west", "us-east"];

fn name(of: usize) -> RegionName {
    RegionName::new(NAMES[of]).unwrap()
}

fn matter() -> Matter {
    ("oncall".to_owned(), "an alert".to_owned())
}

struct Prober {
    turns: Turns,
    fires_from: Duration,
    fires_until: Duration,
    /// When the message that is on its way is taken.
    sending_until: Option<Duration>,
    told: bool,
    is_alive: bool,
    /// How many times the receiver took from it that the alert fires, and that it is over.
    sent: (u32, u32),
}

impl Prober {
    fn notices(&self, now: Duration) -> Vec<NoticeAnswer> {
        let fires = (self.fires_from..self.fires_until).contains(&now);
        let stage = match self.told {
            true => NoticeStage::Told,
            false => self.turns.stage(&matter()),
        };
        let (receiver, key) = matter();
        (fires || self.told)
            .then_some(NoticeAnswer {
                key,
                receiver,
                fires,
                stage,
            })
            .into_iter()
            .collect()
    }
}

/// A question on its way: who asks whom, when it arrives there, when the answer comes, and the answer.
struct Asking {
    from: usize,
    of: usize,
    arrives: Duration,
    comes: Duration,
    answer: Option<Vec<NoticeAnswer>>,
}

struct World {
    rng: SmallRng,
    began: Instant,
    now: Duration,
    probers: Vec<Prober>,
    asking: Vec<Asking>,
    /// From when on each pair asks again.
    next: Vec<(usize, usize, Duration)>,
    /// Nobody reaches this one, and it reaches nobody.
    cut: Option<usize>,
}

impl World {
    /// Each begins to see the outage within this time.
    fn new(seed: u64, spread_ms: u64) -> Self {
        let mut rng = SmallRng::seed_from_u64(seed);
        let began = Instant::now();
        let probers = (0..3).map(|me| {
            let mut turns = Turns::default();
            let peers = (0..3).filter(|other| *other != me).map(name).collect();
            turns.sit(&[name(me)], &peers, LIMIT, began);
            Prober {
                turns,
                fires_from: Duration::from_millis(20_000 + rng.random_range(0..=spread_ms)),
                fires_until: Duration::from_mins(10),
                sending_until: None,
                told: false,
                is_alive: true,
                sent: (0, 0),
            }
        });
        let probers = probers.collect();
        let pairs = (0..3).flat_map(|from| (0..3).filter(move |of| *of != from).map(move |of| (from, of)));
        let next = pairs.map(|(from, of)| (from, of, Duration::from_millis(rng.random_range(0..1000))));
        let next = next.collect();
        Self {
            rng,
            began,
            now: Duration::ZERO,
            probers,
            asking: Vec::new(),
            next,
            cut: None,
        }
    }

    fn reaches(&self, from: usize, of: usize) -> bool {
        self.probers[of].is_alive && self.cut != Some(from) && self.cut != Some(of)
    }

    fn ms(&mut self, least: u64, most: u64) -> Duration {
        Duration::from_millis(self.rng.random_range(least..=most))
    }

    fn step(&mut self) {
        self.now += STEP;
        let now = self.now;
        self.ask(now);
        let at = self.began + now;
        for me in 0..3 {
            let sends = self.ms(100, 3000);
            let prober = &mut self.probers[me];
            if !prober.is_alive {
                continue;
            }
            if let Some(until) = prober.sending_until {
                if now >= until {
                    prober.sending_until = None;
                    prober.turns.ended(&matter(), false);
                    (prober.told, prober.sent.0) = (true, prober.sent.0 + 1);
                }
                continue;
            }
            let fires = (prober.fires_from..prober.fires_until).contains(&now);
            if !prober.turns.lapsed("oncall", at).is_empty() {
                prober.told = false;
            }
            match (fires, prober.told) {
                (true, false) => match prober.turns.firing(&matter(), at) {
                    Turn::Now => {
                        prober.turns.tells(&matter());
                        prober.sending_until = Some(now + sends);
                    }
                    Turn::Inherit => {
                        prober.turns.ended(&matter(), true);
                        prober.told = true;
                    }
                    Turn::Later => {}
                },
                (false, true) if prober.turns.over(&matter(), at) == Turn::Now => {
                    (prober.told, prober.sent.1) = (false, prober.sent.1 + 1);
                }
                (false, false) => prober.turns.retain(|_| false),
                _ => {}
            }
        }
    }

    fn ask(&mut self, now: Duration) {
        for pair in 0..self.next.len() {
            let (from, of, at) = self.next[pair];
            if now < at {
                continue;
            }
            let (there, back) = (self.ms(1, 200), self.ms(1, 200));
            // The next question waits for this answer.
            self.next[pair].2 = now + Duration::from_secs(1).max(there + back);
            if self.probers[from].is_alive && self.reaches(from, of) {
                let arrives = now + there;
                self.asking.push(Asking {
                    from,
                    of,
                    arrives,
                    comes: arrives + back,
                    answer: None,
                });
            }
        }
        let mut asking = std::mem::take(&mut self.asking);
        for one in &mut asking {
            if one.answer.is_none() && now >= one.arrives {
                one.answer = Some(self.probers[one.of].notices(now));
            }
        }
        let (come, open): (Vec<_>, Vec<_>) = asking.into_iter().partition(|one| now >= one.comes);
        for one in come {
            if !self.reaches(one.from, one.of) {
                continue;
            }
            let answer = one.answer.unwrap_or_default();
            self.probers[one.from]
                .turns
                .heard(&name(one.of), &answer, self.began + now);
        }
        self.asking = open;
    }

    fn run_until(&mut self, seconds: u64) {
        while self.now < Duration::from_secs(seconds) {
            self.step();
        }
    }

    fn fired(&self) -> u32 {
        self.probers.iter().map(|prober| prober.sent.0).sum()
    }

    fn resolved(&self) -> u32 {
        self.probers.iter().map(|prober| prober.sent.1).sum()
    }

    fn end_all(&mut self, seconds: u64) {
        for (prober, later) in self.probers.iter_mut().zip([0, 3, 6]) {
            prober.fires_until = Duration::from_secs(seconds + later);
        }
    }
}

/// One of so many, in turn.
fn place(seed: u64, of: u64) -> usize {
    usize::try_from(seed % of).unwrap()
}

#[test]
fn an_incident_that_all_see_is_told_once_and_is_over_once_when_nobody_sees_it() {
    for seed in 0..300 {
        let mut world = World::new(seed, [0, 300, 3000, 12_000][place(seed, 4)]);
        world.run_until(45);
        assert_eq!(world.fired(), 1, "seed {seed}");
        world.end_all(60);
        world.run_until(63);
        assert_eq!(world.resolved(), 0, "seed {seed}: it still fires from us-east");
        world.run_until(80);
        assert_eq!((world.fired(), world.resolved()), (1, 1), "seed {seed}");
    }
}

#[test]
fn when_nobody_else_sees_it_the_lowest_named_tells_no_later_than_any_other() {
    let mut world = World::new(1, 0);
    world.run_until(45);
    assert_eq!(world.probers[0].sent.0, 1, "all saw it at once");
    let mut world = World::new(2, 0);
    for alone in [0, 1] {
        world.probers[alone].fires_from = Duration::from_mins(5);
    }
    world.run_until(30);
    assert_eq!(world.probers[2].sent.0, 1, "nobody else has anything to tell");
}

#[test]
fn who_is_killed_before_it_has_told_is_followed_by_another() {
    for seed in 0..200 {
        let mut world = World::new(seed, 2000);
        while world.probers.iter().all(|prober| prober.sending_until.is_none()) {
            world.step();
        }
        let speaker = world
            .probers
            .iter()
            .position(|prober| prober.sending_until.is_some())
            .unwrap();
        world.probers[speaker].is_alive = false;
        let killed = world.now;
        while world.fired() == 0 {
            world.step();
            assert!(world.now - killed < LIMIT + Duration::from_secs(8), "seed {seed}");
        }
        world.run_until(80);
        assert_eq!(world.fired(), 1, "seed {seed}: the two that are left tell once");
    }
}

#[test]
fn what_was_told_by_who_is_gone_is_not_told_again_and_its_end_is() {
    for seed in 0..100 {
        let mut world = World::new(seed, 2000);
        world.run_until(35);
        let teller = world.probers.iter().position(|prober| prober.told).unwrap();
        world.probers[teller].is_alive = false;
        world.run_until(60);
        assert_eq!(world.fired(), 1, "seed {seed}");
        world.end_all(60);
        world.run_until(80);
        assert_eq!((world.fired(), world.resolved()), (1, 1), "seed {seed}");
    }
}

#[test]
fn when_the_network_is_split_each_side_tells_and_nobody_is_silent() {
    for seed in 0..200 {
        let mut world = World::new(seed, 3000);
        world.run_until(5);
        world.cut = Some(place(seed, 3));
        world.run_until(60);
        let alone = world.probers[place(seed, 3)].sent.0;
        assert_eq!((alone, world.fired()), (1, 2), "seed {seed}");
        // Together again: nobody tells anew.
        world.cut = None;
        world.run_until(90);
        assert_eq!(world.fired(), 2, "seed {seed}");
    }
}

#[test]
fn what_was_ended_by_who_could_not_see_that_it_fires_elsewhere_is_told_again() {
    let mut world = World::new(3, 0);
    world.run_until(35);
    let teller = world.probers.iter().position(|prober| prober.told).unwrap();
    world.cut = Some(teller);
    world.run_until(60);
    world.probers[teller].fires_until = world.now;
    world.run_until(65);
    assert_eq!((world.fired(), world.resolved()), (1, 1));
    world.cut = None;
    world.run_until(90);
    assert_eq!(world.fired(), 2, "it fires, and the receiver took it for over");
}

#[test]
fn who_claims_without_end_holds_nobody_back() {
    let (mut turns, began) = (Turns::default(), Instant::now());
    turns.sit(&[name(1)], &[name(0)].into(), LIMIT, began);
    let (receiver, key) = matter();
    let stuck = [NoticeAnswer {
        key,
        receiver,
        fires: true,
        stage: NoticeStage::Claims,
    }];
    let told = (0..60).find(|second| {
        let now = began + Duration::from_secs(*second);
        turns.heard(&name(0), &stuck, now);
        turns.firing(&matter(), now) == Turn::Now
    });
    assert!(told.is_some_and(|second| (30..40).contains(&second)), "{told:?}");
}

//! Who is scraped for a comparison's series, when, and what the fault does to that.

use super::{Builder, micros, ours};
use crate::predict::climb::{ReadyCondition, origin};
use crate::predict::condition::{Leaf, Series};
use crate::predict::phase::Phase;
use crate::predict::rules::matcher_of;
use crate::predict::scene::Scraped;
use crate::predict::{ScrapeEffect, Survey};
use crate::{Matcher, Sample, Target};

impl Builder<'_> {
    /// The targets that a comparison's series come from.
    pub(super) fn targets(&mut self, leaf: &Leaf) -> Vec<Scraped> {
        let mut found: Vec<&Target> = Vec::new();
        for series in &leaf.series {
            for target in origins(self.survey, series) {
                if !found.iter().any(|known| std::ptr::eq(*known, target)) {
                    found.push(target);
                }
            }
        }
        for target in found.iter().filter(|target| target.health == "down") {
            let why = target.last_error.as_deref().unwrap_or("no reason given");
            self.warn(format!(
                "{} of {} cannot be scraped now, so the rule sees nothing of it: {why}",
                target.instance, target.job
            ));
        }
        let jobs = found.iter().map(|target| target.job.clone());
        self.forecast.jobs.extend(jobs);
        let scraped = found.into_iter().filter_map(|target| self.scraped(target));
        scraped.collect()
    }

    fn scraped(&self, target: &Target) -> Option<Scraped> {
        let every_us = micros(target.scrape_interval_ms?);
        let began = ours(self.survey, target.last_scrape?);
        let took_us = target.scrape_took_us.unwrap_or(0);
        let timeout_us = target.scrape_timeout_ms.map_or(every_us, micros);
        let through = self.asked.fault.scrape.as_ref();
        let through = through.filter(|scrape| is_at(&target.url, &scrape.address));
        let (faulty_took_us, cut) = match through.map(|scrape| scrape.effect) {
            None => ((took_us, took_us), false),
            Some(ScrapeEffect::Fails) => ((took_us, took_us), true),
            Some(ScrapeEffect::Hangs) => ((timeout_us, timeout_us), true),
            Some(ScrapeEffect::Silent) => ((took_us, timeout_us), true),
            Some(ScrapeEffect::Slower(by)) => {
                let slower = took_us.saturating_add(i64::try_from(by.as_micros()).unwrap_or(i64::MAX));
                let took = slower.min(timeout_us);
                ((took, took), slower >= timeout_us)
            }
        };
        Some(Scraped {
            phase: Phase::new(began.as_micros(), every_us)?,
            took_us,
            faulty_took_us,
            cut,
        })
    }
}

/// The targets that series come from.
pub(in crate::predict) fn origins<'s>(
    survey: &'s Survey,
    series: &Series,
) -> impl Iterator<Item = &'s Target> {
    let origins = survey.answers.get(&origin(&series.text)).map(Vec::as_slice);
    let matchers: Vec<Matcher> = series.selector.matchers.iter().filter_map(matcher_of).collect();
    survey.targets.iter().filter(move |target| {
        let told = origins.unwrap_or_default().iter().any(|origin| {
            let label = |name: &str| origin.labels.get(name).map_or("", String::as_str);
            label("job") == target.job && label("instance") == target.instance
        });
        // Series that are not there yet come from where their matchers say.
        let by_labels = || {
            matchers
                .iter()
                .filter(|matcher| target.labels.contains_key(&matcher.label))
                .all(|matcher| matcher.matches(&target.labels[&matcher.label]))
        };
        told || (origins.is_none_or(<[Sample]>::is_empty) && by_labels())
    })
}

/// Whether a scraped URL is at an address.
fn is_at(url: &str, address: &str) -> bool {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.split(['/', '?']).next() == Some(address)
}

/// All targets of a condition.
pub(super) fn of(condition: &ReadyCondition<'_>) -> Vec<Scraped> {
    match condition {
        ReadyCondition::All(parts) | ReadyCondition::Any(parts) => parts.iter().flat_map(of).collect(),
        ReadyCondition::Leaf(ready) => ready.targets.clone(),
    }
}

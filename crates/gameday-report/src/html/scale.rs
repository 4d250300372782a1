//! From milliseconds and values to places in the drawing.

/// How wide a drawing is, and where what it shows begins and ends.
pub(super) const WIDTH: f64 = 1000.0;
pub(super) const LEFT: f64 = 8.0;
pub(super) const RIGHT: f64 = 992.0;

/// A number of pixels with one decimal: more would only make the file bigger.
pub(crate) fn px(value: f64) -> String {
    let text = format!("{value:.1}");
    text.strip_suffix(".0").map_or(text.clone(), str::to_owned)
}

/// Maps a range of numbers onto a range of pixels.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scale {
    pub from: f64,
    pub to: f64,
    pub start: f64,
    pub end: f64,
}

impl Scale {
    pub(super) fn place(&self, value: f64) -> f64 {
        let width = self.to - self.from;
        if width.abs() < f64::EPSILON {
            return self.start;
        }
        self.start + (value - self.from) / width * (self.end - self.start)
    }

    /// The place of a time in milliseconds.
    pub(super) fn at(&self, ms: i64) -> f64 {
        self.place(float(ms))
    }
}

#[expect(clippy::cast_precision_loss, reason = "a drill is far shorter than 2^53 ms")]
pub(crate) fn float(ms: i64) -> f64 {
    ms as f64
}

/// Where a label of the axis hangs: those at the ends stay inside.
pub(super) fn anchor(x: f64) -> &'static str {
    if x > RIGHT - 20.0 {
        "end"
    } else if x < LEFT + 14.0 {
        "start"
    } else {
        "middle"
    }
}

/// Round moments for the axis, in milliseconds: at most twelve of them.
pub(super) fn ticks(from: i64, to: i64) -> Vec<i64> {
    const STEPS: [i64; 14] = [
        100, 500, 1_000, 2_000, 5_000, 10_000, 15_000, 30_000, 60_000, 120_000, 300_000, 600_000, 1_800_000,
        3_600_000,
    ];
    let width = to.saturating_sub(from).max(1);
    let step = STEPS
        .into_iter()
        .find(|step| width / step <= 11)
        .unwrap_or(width / 10);
    let first = from.div_euclid(step) + i64::from(from.rem_euclid(step) != 0);
    (first..)
        .map(|number| number * step)
        .take_while(|tick| *tick <= to)
        .take(12)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_few() {
        assert_eq!(
            ticks(-12_000, 88_000),
            [
                -10_000, 0, 10_000, 20_000, 30_000, 40_000, 50_000, 60_000, 70_000, 80_000
            ]
        );
        assert_eq!(ticks(0, 1), [0]);
        assert!(ticks(-1_000_000_000, 9_000_000_000).len() <= 12);
    }

    #[test]
    fn a_range_without_width_has_a_place_all_the_same() {
        let scale = Scale {
            from: 1.0,
            to: 1.0,
            start: 10.0,
            end: 20.0,
        };
        assert!((scale.place(1.0) - 10.0).abs() < 1e-9);
        assert_eq!((px(1.0), px(1.26)), ("1".to_owned(), "1.3".to_owned()));
    }
}

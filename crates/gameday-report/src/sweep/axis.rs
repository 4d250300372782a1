//! Where values stand on an axis: by their magnitude, or one after the other.

use gameday_core::Span;

/// A range that is wider than this is drawn by its logarithm.
const WIDE: f64 = 8.0;

/// A value as a number: milliseconds of a span, percent, bytes, or the number itself.
pub(super) fn magnitude(text: &str) -> Option<f64> {
    let text = text.trim();
    if let Ok(span) = text.parse::<Span>() {
        return Some(span.get().as_secs_f64() * 1e3);
    }
    let end = text.find(|c: char| !(c.is_ascii_digit() || c == '.' || c == '-'))?;
    let (number, unit) = text.split_at(end);
    let number: f64 = number.parse().ok()?;
    let factor = match unit.trim().trim_end_matches("/s") {
        "%" | "B" => 1.0,
        "KiB" => 1024.0,
        "kB" | "KB" => 1e3,
        "MiB" => 1024.0 * 1024.0,
        "MB" => 1e6,
        "GiB" => 1024.0 * 1024.0 * 1024.0,
        "GB" => 1e9,
        _ => return None,
    };
    Some(number * factor)
}

/// The number of one of several values: its magnitude if all have one, else its place among them.
#[expect(clippy::cast_precision_loss, reason = "a grid has few points")]
pub(super) fn place(values: &[String], index: usize) -> f64 {
    let numbers: Option<Vec<f64>> = values
        .iter()
        .map(|value| magnitude(value).or_else(|| value.trim().parse().ok()))
        .collect();
    numbers.map_or(index as f64, |numbers| numbers[index])
}

/// Maps numbers onto pixels, by their logarithm when they are far apart.
#[derive(Debug, Clone, Copy)]
pub(super) struct Axis {
    from: f64,
    to: f64,
    start: f64,
    end: f64,
    pub(super) logarithmic: bool,
}

impl Axis {
    /// Over these numbers, with some room at both ends.
    pub(super) fn over(numbers: &[f64], start: f64, end: f64, from_zero: bool) -> Self {
        let low = numbers.iter().copied().fold(f64::INFINITY, f64::min);
        let high = numbers.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let (low, high) = if low.is_finite() { (low, high) } else { (0.0, 1.0) };
        let logarithmic = low > 0.0 && high / low > WIDE;
        let low = if from_zero && !logarithmic { 0.0 } else { low };
        let (from, to) = if logarithmic {
            (low.ln(), high.ln())
        } else {
            (low, high)
        };
        let room = ((to - from) * 0.06).max(f64::EPSILON);
        let (from, to) = match (from_zero && !logarithmic, (to - from).abs() < 1e-9) {
            (_, true) => (from - 1.0, to + 1.0),
            (true, false) => (from, to + room),
            (false, false) => (from - room, to + room),
        };
        Self {
            from,
            to,
            start,
            end,
            logarithmic,
        }
    }

    pub(super) fn at(&self, number: f64) -> f64 {
        let number = if self.logarithmic {
            number.max(1e-9).ln()
        } else {
            number
        };
        self.start + (number - self.from) / (self.to - self.from) * (self.end - self.start)
    }

    /// Round numbers within it: 1, 2 and 5 times a power of ten.
    pub(super) fn ticks(&self) -> Vec<f64> {
        let (low, high) = if self.logarithmic {
            (self.from.exp(), self.to.exp())
        } else {
            (self.from, self.to)
        };
        if self.logarithmic {
            #[expect(
                clippy::cast_possible_truncation,
                reason = "powers of ten of a float are small"
            )]
            let decades = (low.log10().floor() as i32)..=(high.log10().ceil() as i32);
            let all = decades.flat_map(|power| [1.0, 2.0, 5.0].map(|digit| digit * 10_f64.powi(power)));
            return all.filter(|tick| (low..=high).contains(tick)).collect();
        }
        let rough = (high - low) / 5.0;
        let power = 10_f64.powf(rough.log10().floor());
        let step = [1.0, 2.0, 5.0, 10.0]
            .map(|digit| digit * power)
            .into_iter()
            .find(|step| *step >= rough)
            .unwrap_or(rough);
        let first = (low / step).ceil();
        (0..12)
            .map(|index| (first + f64::from(index)) * step)
            .take_while(|tick| *tick <= high)
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_read_with_their_units_and_stand_in_a_row_without() {
        for (text, number) in [
            ("50ms", 50.0),
            ("2s", 2000.0),
            ("5%", 5.0),
            ("64KiB/s", 65_536.0),
            ("1MB", 1e6),
        ] {
            assert_eq!(magnitude(text), Some(number), "{text}");
        }
        assert_eq!(magnitude("refuse"), None);
        let words = ["refuse".to_owned(), "hang".to_owned()];
        assert!((place(&words, 1) - 1.0).abs() < 1e-9);
        let numbers = ["3".to_owned(), "12".to_owned()];
        assert!((place(&numbers, 1) - 12.0).abs() < 1e-9);
    }

    #[test]
    fn numbers_far_apart_stand_by_their_logarithm() {
        let axis = Axis::over(&[50.0, 100.0, 200.0, 400.0, 800.0], 0.0, 100.0, false);
        assert!(axis.logarithmic);
        let steps = [50.0, 100.0, 200.0].map(|number| axis.at(number));
        assert!(((steps[1] - steps[0]) - (steps[2] - steps[1])).abs() < 1e-6);
        let axis = Axis::over(&[1000.0, 3000.0], 100.0, 0.0, true);
        assert!(!axis.logarithmic && (axis.at(0.0) - 100.0).abs() < 1e-6);
        assert_eq!(axis.ticks(), [0.0, 1000.0, 2000.0, 3000.0]);
        assert!(Axis::over(&[], 0.0, 1.0, true).at(0.5).is_finite());
        assert!(Axis::over(&[7.0], 0.0, 1.0, false).at(7.0).is_finite());
    }
}

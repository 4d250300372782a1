//! Labels of marks that never cover one another: near ones are joined, others go up a line.

use crate::measure::Notch;

/// A label of one or more marks.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Label {
    pub text: String,
    /// Where its line stands.
    pub x: f64,
    /// Where its text begins.
    pub left: f64,
    /// Which line of text, from 0 next to the drawing.
    pub level: usize,
}

/// Marks nearer than this share a label: their lines could not be told apart.
const JOIN: f64 = 5.0;
const LETTER: f64 = 7.0;
const GAP: f64 = 6.0;

/// Places labels; `place` says where a mark stands and `right` where the drawing ends.
pub(super) fn layout(notches: &[Notch], place: impl Fn(i64) -> f64, right: f64) -> Vec<Label> {
    let mut labels: Vec<Label> = Vec::new();
    for notch in notches {
        let x = place(notch.at);
        match labels.last_mut() {
            Some(last) if x - last.x < JOIN => {
                last.text.push(' ');
                last.text.push_str(notch.name);
            }
            _ => labels.push(Label {
                text: notch.name.to_owned(),
                x,
                left: x,
                level: 0,
            }),
        }
    }
    let mut ends: Vec<f64> = Vec::new();
    for label in &mut labels {
        let width = width(&label.text);
        label.left = (label.x - width / 2.0).min(right - width);
        label.level = ends
            .iter()
            .position(|end| end + GAP <= label.left)
            .unwrap_or(ends.len());
        let end = label.left + width;
        match ends.get_mut(label.level) {
            Some(last) => *last = end,
            None => ends.push(end),
        }
    }
    labels
}

/// About how wide a text is.
pub(super) fn width(text: &str) -> f64 {
    f64::from(u32::try_from(text.chars().count()).unwrap_or(u32::MAX)) * LETTER
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_labels_cover_one_another() {
        for spread in [0, 3, 10, 40, 400] {
            let notches: Vec<Notch> = (0..12)
                .map(|i| Notch {
                    name: "T10",
                    at: i * spread,
                })
                .collect();
            #[expect(clippy::cast_precision_loss, reason = "small numbers")]
            let labels = layout(&notches, |at| at as f64, 1_000.0);
            for (index, a) in labels.iter().enumerate() {
                for b in &labels[index + 1..] {
                    let apart = a.left + width(&a.text) <= b.left || b.left + width(&b.text) <= a.left;
                    assert!(apart || a.level != b.level, "{a:?} covers {b:?}");
                }
            }
        }
    }

    #[test]
    fn marks_in_one_place_share_a_label() {
        let notches = [
            Notch { name: "T3", at: 10 },
            Notch { name: "T4", at: 11 },
            Notch { name: "T5", at: 90 },
        ];
        #[expect(clippy::cast_precision_loss, reason = "small numbers")]
        let labels = layout(&notches, |at| at as f64, 1_000.0);
        let texts: Vec<&str> = labels.iter().map(|label| label.text.as_str()).collect();
        assert_eq!(texts, ["T3 T4", "T5"]);
    }
}

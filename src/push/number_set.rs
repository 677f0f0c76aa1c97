//! A set of numbers that takes little room: runs, each as its distance from the one before.

use serde::{Deserialize, Serialize};

/// A set of numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct NumberSet(Vec<Run>);

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Run {
    /// How many numbers are left out before it.
    gap: u64,
    /// How many numbers it has.
    length: u64,
}

impl NumberSet {
    /// Whether the number is in the set.
    pub(crate) fn contains(&self, number: u64) -> bool {
        let mut left = number;
        for run in &self.0 {
            let Some(within) = left.checked_sub(run.gap) else {
                return false;
            };
            if within < run.length {
                return true;
            }
            left = within - run.length;
        }
        false
    }
}

impl FromIterator<u64> for NumberSet {
    fn from_iter<I: IntoIterator<Item = u64>>(numbers: I) -> Self {
        let mut numbers: Vec<_> = numbers.into_iter().collect();
        numbers.sort_unstable();
        numbers.dedup();
        let mut runs: Vec<Run> = Vec::new();
        let mut next = 0;
        for number in numbers {
            let gap = number - next;
            match runs.last_mut().filter(|_| gap == 0) {
                Some(run) => run.length += 1,
                None => runs.push(Run { gap, length: 1 }),
            }
            next = number.saturating_add(1);
        }
        Self(runs)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_thousand_neighbours_take_few_bytes() {
        let set: NumberSet = (5..1_005).collect();
        assert_eq!(set.0, [Run { gap: 5, length: 1_000 }]);
    }

    proptest! {
        #[test]
        fn it_has_what_was_put_in(numbers in prop::collection::btree_set(0_u64..60, 0..40)) {
            let set: NumberSet = numbers.iter().copied().collect();
            let found: BTreeSet<_> = (0..70).filter(|number| set.contains(*number)).collect();
            prop_assert_eq!(found, numbers);
        }
    }
}

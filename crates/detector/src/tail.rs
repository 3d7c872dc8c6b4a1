//! [`Tail`]: how much of all news so far was at least as surprising.

/// Width of a bin, bits.
const BIN_BITS: f64 = 1.0 / 16.0;
/// Bins: up to 40 bits, beyond what any base of calls can give.
const BINS: usize = 640;

/// An empirical tail over binned surprises.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Tail {
    bins: Vec<u32>,
    total: u32,
}

impl Default for Tail {
    fn default() -> Self {
        Self {
            bins: vec![0; BINS],
            total: 0,
        }
    }
}

impl Tail {
    /// Counts by surprise, mildest first.
    pub(crate) fn bins(&self) -> &[u32] {
        &self.bins
    }

    /// From as many counts as there are bins; `None` if their sum is too large.
    pub(crate) fn of_bins(bins: Vec<u32>) -> Option<Self> {
        let total = bins
            .iter()
            .try_fold(0_u32, |sum, count| sum.checked_add(*count))?;
        Some(Self { bins, total })
    }

    /// Adds the surprise of a piece of news, bits.
    pub(crate) fn add(&mut self, surprise: f64) {
        self.bins[bin(surprise)] += 1;
        self.total += 1;
    }

    /// Takes one back.
    pub(crate) fn remove(&mut self, surprise: f64) {
        let count = &mut self.bins[bin(surprise)];
        if *count > 0 {
            *count -= 1;
            self.total -= 1;
        }
    }

    /// `-log2((1 + news at least as surprising) / (news + 1))`, bits, ≥ 0.
    pub(crate) fn bits(&self, surprise: f64) -> f64 {
        let above: u32 = self.bins[bin(surprise)..].iter().sum();
        -((1.0 + f64::from(above)) / (f64::from(self.total) + 1.0)).log2()
    }
}

fn bin(surprise: f64) -> usize {
    // Saturating by definition of `as`; NaN becomes 0.
    ((surprise / BIN_BITS) as usize).min(BINS - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rarer_news_has_a_smaller_tail() {
        let mut tail = Tail::default();
        for surprise in 0..100 {
            tail.add(f64::from(surprise) / 10.0);
        }
        assert!(tail.bits(9.9) > tail.bits(5.0) && tail.bits(5.0) > tail.bits(0.0));
        assert!(tail.bits(0.0).abs() < 1e-9);
        assert!((tail.bits(30.0) - 101f64.log2()).abs() < 1e-9);
        let before = tail.clone();
        tail.add(3.0);
        tail.remove(3.0);
        assert_eq!(tail, before);
    }

    #[test]
    fn without_news_nothing_is_rare() {
        assert!(Tail::default().bits(20.0).abs() < 1e-9);
    }
}

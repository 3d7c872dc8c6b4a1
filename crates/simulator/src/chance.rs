//! Seeded chance: every stream of random numbers is named, so that adding a principal or an attack never shifts the
//! numbers of another one.
//!
//! Idea: a stream is ChaCha8 seeded from the settings' seed and a stable hash (FNV-1a, Fowler–Noll–Vo) of its names.
//! ChaCha gives the same numbers on every platform; the logarithms below come from the platform's own mathematics
//! library, so that identical bytes are promised for one platform only.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

const BASE32: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
const HEX: &[u8; 16] = b"0123456789abcdef";
const ALPHANUMERIC: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

/// One named stream of random numbers.
#[derive(Clone, Debug)]
pub(crate) struct Chance(ChaCha8Rng);

/// FNV-1a over the parts, each ended by a byte no name holds.
pub(crate) fn stable_hash(parts: &[&str]) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for part in parts {
        for byte in part.bytes().chain([0x1f]) {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    }
    hash
}

impl Chance {
    /// The stream of this seed that bears these names.
    pub(crate) fn named(seed: u64, parts: &[&str]) -> Self {
        let hash = stable_hash(parts) ^ seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        Self(ChaCha8Rng::seed_from_u64(hash))
    }

    pub(crate) fn bits(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// Uniform in [0, 1).
    pub(crate) fn unit(&mut self) -> f64 {
        (self.bits() >> 11) as f64 / (1_u64 << 53) as f64
    }

    pub(crate) fn between(&mut self, low: f64, high: f64) -> f64 {
        low + self.unit() * (high - low)
    }

    pub(crate) fn yes(&mut self, probability: f64) -> bool {
        self.unit() < probability
    }

    /// Uniform in 0..n; 0 for n = 0.
    pub(crate) fn below(&mut self, n: usize) -> usize {
        // The high half of a 128-bit product: bias below 2^-40 for any n used here.
        ((u128::from(self.bits()) * n as u128) >> 64) as usize
    }

    /// Uniform in low..high, low where the range is empty.
    pub(crate) fn range(&mut self, low: u32, high: u32) -> u32 {
        low + self.below(high.saturating_sub(low) as usize) as u32
    }

    pub(crate) fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        from.get(self.below(from.len()))
            .expect("pick is only asked of lists that hold something")
    }

    /// Up to `n` different elements, in the order drawn.
    pub(crate) fn sample<T: Clone>(&mut self, from: &[T], n: usize) -> Vec<T> {
        let mut rest = from.to_vec();
        let mut out = Vec::new();
        while out.len() < n && !rest.is_empty() {
            out.push(rest.swap_remove(self.below(rest.len())));
        }
        out
    }

    pub(crate) fn exponential(&mut self, mean: f64) -> f64 {
        -mean * (1.0 - self.unit()).ln()
    }

    /// Standard normal (Box and Muller 1958).
    pub(crate) fn normal(&mut self) -> f64 {
        let radius = (-2.0 * (1.0 - self.unit()).ln()).sqrt();
        radius * (std::f64::consts::TAU * self.unit()).cos()
    }

    /// Poisson (Knuth's product method; means here stay below a few dozen).
    pub(crate) fn poisson(&mut self, mean: f64) -> u32 {
        let floor = (-mean).exp();
        let mut product = self.unit();
        let mut count = 0;
        while product > floor {
            product *= self.unit();
            count += 1;
        }
        count
    }

    fn letters(&mut self, prefix: &str, n: usize, alphabet: &[u8]) -> String {
        let mut out = String::with_capacity(prefix.len() + n);
        out.push_str(prefix);
        for _ in 0..n {
            out.push(char::from(*self.pick(alphabet)));
        }
        out
    }

    /// An access key id: prefix and 16 base-32 characters.
    pub(crate) fn key_id(&mut self, prefix: &str) -> String {
        self.letters(prefix, 16, BASE32)
    }

    /// A unique id of a user or role: prefix and 17 base-32 characters.
    pub(crate) fn unique_id(&mut self, prefix: &str) -> String {
        self.letters(prefix, 17, BASE32)
    }

    pub(crate) fn alphanumeric(&mut self, n: usize) -> String {
        self.letters("", n, ALPHANUMERIC)
    }

    pub(crate) fn hex(&mut self, n: usize) -> String {
        let mut out = String::with_capacity(n);
        while out.len() < n {
            let mut bits = self.bits();
            for _ in 0..16.min(n - out.len()) {
                out.push(char::from(HEX[(bits & 15) as usize]));
                bits >>= 4;
            }
        }
        out
    }

    pub(crate) fn digits(&mut self, n: usize) -> String {
        let mut out = self.letters("", n, b"0123456789");
        if out.starts_with('0') {
            out.replace_range(0..1, "7");
        }
        out
    }

    /// A version 4 UUID.
    pub(crate) fn uuid(&mut self) -> String {
        let (high, low) = (self.bits(), self.bits());
        format!(
            "{:08x}-{:04x}-4{:03x}-{:x}{:03x}-{:012x}",
            high >> 32,
            (high >> 16) & 0xffff,
            high & 0xfff,
            8 + (low >> 62),
            (low >> 48) & 0xfff,
            low & 0xffff_ffff_ffff
        )
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn streams_repeat_and_differ_by_name() {
        let draw = |seed, name| Chance::named(seed, &[name]).uuid();
        assert_eq!(draw(1, "a"), draw(1, "a"));
        assert_ne!(draw(1, "a"), draw(1, "b"));
        assert_ne!(draw(1, "a"), draw(2, "a"));
    }

    #[test]
    fn ids_have_the_shape_aws_gives_them() {
        let mut chance = Chance::named(3, &["ids"]);
        assert_eq!(chance.key_id("AKIA").len(), 20);
        assert_eq!(chance.unique_id("AIDA").len(), 21);
        assert_eq!(chance.uuid().len(), 36);
        assert_eq!(chance.hex(17).len(), 17);
        assert_eq!(chance.digits(12).len(), 12);
    }

    #[test]
    fn poisson_and_exponential_keep_their_means() {
        let mut chance = Chance::named(4, &["means"]);
        let n = 20_000;
        let poisson: f64 =
            (0..n).map(|_| f64::from(chance.poisson(2.5))).sum::<f64>() / f64::from(n);
        let exponential: f64 = (0..n).map(|_| chance.exponential(7.0)).sum::<f64>() / f64::from(n);
        assert!((poisson - 2.5).abs() < 0.1, "{poisson}");
        assert!((exponential - 7.0).abs() < 0.3, "{exponential}");
    }
}

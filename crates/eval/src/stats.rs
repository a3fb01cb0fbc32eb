//! Mean, median, deviation, and samples spread over a whole.

/// The mean of `values`; `None` for no values.
pub fn mean(values: impl IntoIterator<Item = f64>) -> Option<f64> {
    let (sum, n) = values.into_iter().fold((0.0, 0usize), |(s, n), v| (s + v, n + 1));
    (n > 0).then(|| sum / n as f64)
}

/// The median of `values`, of an even number the mean of the two in the middle; `None` for no values.
pub fn median(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let half = sorted.len() / 2;
    match sorted.len() {
        0 => None,
        n if n % 2 == 1 => Some(sorted[half]),
        _ => Some((sorted[half - 1] + sorted[half]) / 2.0),
    }
}

/// The standard deviation of a sample; `None` for fewer than two values.
pub fn deviation(values: &[f64]) -> Option<f64> {
    let mean = mean(values.iter().copied()).filter(|_| values.len() > 1)?;
    let squares: f64 = values.iter().map(|v| (v - mean).powi(2)).sum();
    Some((squares / (values.len() - 1) as f64).sqrt())
}

/// At most `count` of `all`, evenly spread, from the first on.
pub fn spread<T: Copy>(all: &[T], count: usize) -> Vec<T> {
    let count = count.min(all.len());
    (0..count).map(|i| all[i * all.len() / count]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_middle_of_an_even_number_lies_between_two() {
        assert_eq!(median(&[4.0, 1.0, 3.0, 2.0]), Some(2.5));
        assert_eq!(median(&[9.0, 1.0, 2.0]), Some(2.0));
        assert_eq!((median(&[]), mean([])), (None, None));
    }

    #[test]
    fn a_deviation_needs_two_values() {
        // squares of 9 + 1 + 1 + 1 + 0 + 0 + 4 + 16 = 32 around 5, of seven degrees of freedom
        let spread = deviation(&[2.0, 4.0, 4.0, 4.0, 5.0, 5.0, 7.0, 9.0]);
        assert_eq!(spread, Some((32.0_f64 / 7.0).sqrt()));
        assert_eq!(deviation(&[3.0]), None);
    }

    #[test]
    fn samples_are_spread_over_all() {
        assert_eq!(spread(&[10, 11, 12, 13, 14, 15], 3), [10, 12, 14]);
        assert_eq!(spread(&[7], 3), [7]);
        assert!(spread::<u8>(&[], 3).is_empty());
    }
}

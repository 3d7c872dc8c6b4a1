//! The week of a principal as a heat map in text: seven rows of twenty-four hours.

use offtrail_baseline::HOURS_OF_WEEK;

/// Which characters draw charts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Charset {
    /// Unicode block elements.
    #[default]
    Blocks,
    /// ASCII only.
    Ascii,
}

impl Charset {
    /// From nothing to most.
    const fn shades(self) -> [&'static str; 5] {
        match self {
            Self::Blocks => ["·", "░", "▒", "▓", "█"],
            Self::Ascii => [".", "-", "+", "*", "#"],
        }
    }

    /// What bars are made of by severity, lowest first.
    pub(crate) const fn severities(self) -> [&'static str; 4] {
        match self {
            Self::Blocks => ["░", "▒", "▓", "█"],
            Self::Ascii => ["-", "+", "*", "#"],
        }
    }

    /// What bars are made of.
    pub(crate) const fn bar(self) -> &'static str {
        match self {
            Self::Blocks => "█",
            Self::Ascii => "#",
        }
    }
}

/// One row per weekday, Monday first; two characters an hour. A shade stands for a quarter of the busiest hour.
pub(crate) fn week_rows(hours: &[u16; HOURS_OF_WEEK], charset: Charset) -> Vec<String> {
    let most = u32::from(hours.iter().copied().max().unwrap_or(0)).max(1);
    let shades = charset.shades();
    let shade = |count: u16| shades[(u32::from(count) * 4).div_ceil(most) as usize];
    ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]
        .iter()
        .zip(hours.chunks(24))
        .map(|(day, hours)| {
            let cells: String = hours
                .iter()
                .map(|count| format!("{} ", shade(*count)))
                .collect();
            format!("  {day}  {cells}")
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shades_run_from_nothing_to_the_busiest_hour() {
        let mut hours = [0; HOURS_OF_WEEK];
        (hours[0], hours[1], hours[2], hours[167]) = (1, 50, 51, 100);
        let rows = week_rows(&hours, Charset::Ascii);
        assert_eq!(rows.len(), 7);
        assert!(rows[0].starts_with("  Mon  - + * . "), "{}", rows[0]);
        assert!(rows[6].ends_with(". # "), "{}", rows[6]);
        assert!(
            week_rows(&[u16::MAX; HOURS_OF_WEEK], Charset::Blocks)[3].starts_with("  Thu  █ █")
        );
    }
}

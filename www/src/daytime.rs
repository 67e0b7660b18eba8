//! Days and hours as a person in the city counts them. Times are milliseconds since 1970-01-01 UTC.

const MS_PER_MIN: f64 = 60_000.0;
const MIN_PER_DAY: i64 = 1_440;
/// Clocks differ from the sun by no more than this in nearly all places, minutes.
const NEAR_MIN: f64 = 150.0;

/// By how much the city's clocks are ahead of UTC, minutes. Those of the visitor's device, daylight saving included,
/// where they suit the city's longitude (degrees): most who look at a city are in it. For a city far away, the whole
/// hour that its longitude suggests.
pub fn offset_min(lon_deg: f64, device_offset_min: f64) -> i32 {
    let sun_min = lon_deg * 4.0;
    if (device_offset_min - sun_min).abs() <= NEAR_MIN {
        device_offset_min.round() as i32
    } else {
        (sun_min / 60.0).round() as i32 * 60
    }
}

/// The date, as `<input type="date">` writes it, and the minute of the day.
pub fn local(time_ms: f64, offset_min: i32) -> (String, u32) {
    let minutes = (time_ms / MS_PER_MIN).floor() as i64 + i64::from(offset_min);
    let (year, month, day) = civil(minutes.div_euclid(MIN_PER_DAY));
    (format!("{year:04}-{month:02}-{day:02}"), minutes.rem_euclid(MIN_PER_DAY) as u32)
}

/// The time of a date (`2026-06-21`) and a minute of the day; `None` when that is no date.
pub fn time_ms(date: &str, minute: u32, offset_min: i32) -> Option<f64> {
    let mut parts = date.splitn(3, '-').map(|part| part.parse::<u16>().ok());
    let (year, month, day) = (parts.next()??, parts.next()??, parts.next()??);
    let days = days(year.into(), month.into(), day.into());
    if civil(days) != (year.into(), month.into(), day.into()) {
        return None;
    }
    Some((days * MIN_PER_DAY + i64::from(minute) - i64::from(offset_min)) as f64 * MS_PER_MIN)
}

/// `14:05`
pub fn clock(minute: u32) -> String {
    format!("{:02}:{:02}", minute / 60 % 24, minute % 60)
}

/// Days since 1970-01-01 of a date of the Gregorian calendar. Hinnant, "chrono-Compatible Low-Level Date Algorithms".
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

/// Year, month and day of so many days since 1970-01-01. Hinnant, as above.
fn civil(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let (era, of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    (year + era * 400 + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_and_a_minute_lead_there_and_back() {
        for (date, minute, offset, ms) in [
            ("1970-01-01", 0, 0, 0.0),
            ("2026-06-21", 12 * 60 + 30, 180, 1_782_034_200_000.0),
            ("2024-02-29", 1_439, -480, 1_709_279_940_000.0),
            ("2100-03-01", 5, 60, 4_107_539_100_000.0),
        ] {
            assert_eq!(time_ms(date, minute, offset), Some(ms), "{date}");
            assert_eq!(local(ms, offset), (date.to_owned(), minute), "{date}");
        }
    }

    #[test]
    fn what_is_no_date_gives_none() {
        for date in
            ["", "2026", "2026-13-01", "2026-02-29", "2026-00-10", "2026-1-1-1", "99999999-1-1", "a-b-c", "2026-06-"]
        {
            assert_eq!(time_ms(date, 0, 0), None, "{date}");
        }
    }

    #[test]
    fn clocks_are_those_of_the_city() {
        for (lon, device, expected) in [
            (24.94, 180.0, 180), // Helsinki in summer, seen from there
            (24.94, 480.0, 120), // seen from Shanghai
            (121.5, 480.0, 480), // Shanghai
            (87.6, 480.0, 480),  // Ürümqi keeps Beijing's time
            (-3.7, 120.0, 120),  // Madrid in summer
            (-3.7, -420.0, 0),   // seen from California
            (85.3, 345.0, 345),  // Kathmandu
        ] {
            assert_eq!(offset_min(lon, device), expected, "{lon} {device}");
        }
    }

    #[test]
    fn a_minute_reads_as_on_a_clock() {
        assert_eq!((clock(0), clock(845), clock(1_439)), ("00:00".into(), "14:05".into(), "23:59".into()));
    }
}

//! Vectors in base64: little-endian numbers of four bytes each.

/// The numbers in a text, if it is base64 of whole numbers.
pub(super) fn numbers(text: &str) -> Option<Vec<f32>> {
    let text = text.trim_end_matches('=');
    let mut numbers = Vec::with_capacity(text.len() * 3 / 16);
    let mut number = [0_u8; 4];
    let mut filled = 0;
    for four in text.as_bytes().chunks(4) {
        // A single letter holds no byte.
        let count = four.len().checked_sub(1).filter(|count| *count > 0)?;
        let mut bits = 0_u32;
        for place in 0..4 {
            bits = (bits << 6) | four.get(place).map_or(Some(0), |letter| value(*letter))?;
        }
        let [_, bytes @ ..] = bits.to_be_bytes();
        for byte in bytes.into_iter().take(count) {
            *number.get_mut(filled)? = byte;
            filled += 1;
            if filled == number.len() {
                numbers.push(f32::from_le_bytes(number));
                filled = 0;
            }
        }
    }
    (filled == 0).then_some(numbers)
}

/// The six bits of a letter.
fn value(letter: u8) -> Option<u32> {
    let value = match letter {
        b'A'..=b'Z' => letter - b'A',
        b'a'..=b'z' => letter - b'a' + 26,
        b'0'..=b'9' => letter - b'0' + 52,
        b'+' => 62,
        b'/' => 63,
        _ => return None,
    };
    Some(u32::from(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_with_and_without_padding() {
        for (text, expected) in [
            ("", Some(vec![])),
            ("AACAPw==", Some(vec![1.0])),
            ("AACAPw", Some(vec![1.0])),
            ("AACAPwAAAMA=", Some(vec![1.0, -2.0])),
            ("AACAPwAAAMAAAAA/", Some(vec![1.0, -2.0, 0.5])),
            ("AACAP", None),
            ("AACA", None),
            ("AACAPw=A", None),
            ("AACA Pw==", None),
            ("AACA-w==", None),
            ("ü", None),
        ] {
            assert_eq!(numbers(text), expected, "{text}");
        }
    }

    #[test]
    fn every_number_survives() {
        let mut random = fastrand::Rng::with_seed(5);
        for length in 0..50 {
            let expected: Vec<f32> = (0..length).map(|_| f32::from_bits(random.u32(..))).collect();
            let bytes: Vec<u8> = expected.iter().flat_map(|number| number.to_le_bytes()).collect();
            let read = numbers(&encoded(&bytes)).unwrap();
            assert!(read.iter().map(|number| number.to_bits()).eq(expected.iter().map(|n| n.to_bits())));
        }
    }

    fn encoded(bytes: &[u8]) -> String {
        const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        let mut text = String::new();
        for three in bytes.chunks(3) {
            let bits = (0..3).fold(0, |bits, at| bits << 8 | u32::from(*three.get(at).unwrap_or(&0)));
            for at in 0..=three.len() {
                text.push(LETTERS[(bits >> (18 - 6 * at) & 63) as usize].into());
            }
        }
        text
    }
}

//! The forms of numbers in tables of model files.

pub(super) const F32: u32 = 0;
pub(super) const F16: u32 = 1;
pub(super) const Q8_0: u32 = 8;
/// A block of Q8_0: a scale and 32 numbers.
const Q8_BYTES: usize = 34;

/// How many bytes such a table has; `None` if there is no such form.
pub(super) fn bytes_of(sizes: &[u64], form: u32) -> Option<u64> {
    // Numbers a block, and its bytes. Blocks lie in rows.
    let (numbers, bytes) = match form {
        F32 => (1, 4),
        F16 | 30 => (1, 2),
        2 => (32, 18),
        3 => (32, 20),
        6 => (32, 22),
        7 => (32, 24),
        Q8_0 => (32, 34),
        9 => (32, 36),
        10 => (256, 84),
        11 => (256, 110),
        12 => (256, 144),
        13 => (256, 176),
        14 => (256, 210),
        15 => (256, 292),
        _ => return None,
    };
    let all = sizes.iter().try_fold(1, |product: u64, size| product.checked_mul(*size))?;
    sizes.first()?.is_multiple_of(numbers).then_some(())?;
    (all / numbers).checked_mul(bytes)
}

/// The numbers that bytes of a form stand for; `None` if they are not read here.
pub(super) fn numbers(data: &[u8], form: u32) -> Option<Vec<f32>> {
    Some(match form {
        F32 => chunks(data).map(f32::from_le_bytes).collect(),
        F16 => chunks(data).map(|bytes| half(u16::from_le_bytes(bytes))).collect(),
        Q8_0 => data.chunks_exact(Q8_BYTES).flat_map(eight_bits).collect(),
        _ => return None,
    })
}

/// Pieces of a known size; what is left over is dropped.
fn chunks<const N: usize>(bytes: &[u8]) -> impl Iterator<Item = [u8; N]> {
    bytes.chunks_exact(N).filter_map(|chunk| chunk.try_into().ok())
}

fn eight_bits(block: &[u8]) -> impl Iterator<Item = f32> {
    let (scale, numbers) = block.split_at(block.len().min(2));
    let scale = scale.try_into().map_or(0.0, |bytes| half(u16::from_le_bytes(bytes)));
    numbers.iter().map(move |number| f32::from(number.cast_signed()) * scale)
}

/// A number of 16 bits: one of sign, five of exponent, ten of fraction.
fn half(bits: u16) -> f32 {
    let (sign, exponent, fraction) =
        (u32::from(bits >> 15), u32::from(bits >> 10) & 31, u32::from(bits) & 1023);
    let magnitude = match exponent {
        // Below the smallest normal number: a multiple of 2⁻²⁴.
        0 => {
            return f32::from(bits & 1023) * f32::from_bits(0x3380_0000) * if sign == 0 { 1.0 } else { -1.0 };
        }
        31 => 0x7f80_0000 | fraction << 13,
        _ => (exponent + 127 - 15) << 23 | fraction << 13,
    };
    f32::from_bits(sign << 31 | magnitude)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_half_is_the_float_it_should_be() {
        for (bits, number) in [(0x0000, 0.0), (0x03ff, 1023.0 / 1024.0 / 16384.0), (0x0400, 1.0 / 16384.0)] {
            assert_eq!(half(bits), number);
            assert_eq!(half(bits | 0x8000), -number);
        }
        assert_eq!((half(0x7bff), half(0x3555)), (65504.0, 0.333_251_95));
        assert!(half(0x7c01).is_nan());
    }
}

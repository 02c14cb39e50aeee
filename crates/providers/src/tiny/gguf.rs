//! The file format of the model: GGUF, as far as this model needs it.
//!
//! Reads from bytes without copying the weights. Whatever the bytes are, it ends, and takes no more memory than they
//! do.

use std::collections::BTreeMap;
use std::fmt;

/// Where the weights begin is a multiple of this, unless the file says.
const ALIGNMENT: u64 = 32;

/// How deep lists of lists may go.
const DEPTH: u32 = 4;

/// A file.
#[derive(Debug)]
pub(super) struct Gguf<'a> {
    metadata: BTreeMap<&'a str, Value<'a>>,
    tensors: BTreeMap<&'a str, Tensor<'a>>,
}

/// What is wrong with a file.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Damaged(pub(super) String);

impl fmt::Display for Damaged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A value of the metadata.
#[derive(Debug, PartialEq)]
enum Value<'a> {
    Whole(i128),
    Real(f64),
    Flag(bool),
    Text(&'a str),
    List(Vec<Self>),
}

/// Numbers in a table.
#[derive(Debug)]
struct Tensor<'a> {
    /// The length of a row first.
    sizes: Vec<u64>,
    form: u32,
    data: &'a [u8],
}

impl<'a> Gguf<'a> {
    /// Reads a file.
    pub(super) fn read(bytes: &'a [u8]) -> Result<Self, Damaged> {
        let mut input = Input { bytes, read: 0 };
        if input.take(4)? != b"GGUF" {
            return Err(Damaged("it is no GGUF file".to_owned()));
        }
        let version = input.u32()?;
        if !(2..=3).contains(&version) {
            return Err(Damaged(format!("it is a GGUF file of version {version}, and known are 2 and 3")));
        }
        let (tensors, values) = (input.u64()?, input.u64()?);
        let mut metadata = BTreeMap::new();
        for _ in 0..values {
            let name = input.text()?;
            let form = input.u32()?;
            metadata.insert(name, input.value(form, 0)?);
        }
        let mut places = Vec::new();
        for _ in 0..tensors {
            let name = input.text()?;
            let axes = input.u32()?;
            let sizes = (0..axes).map(|_| input.u64()).collect::<Result<Vec<_>, _>>()?;
            places.push((name, sizes, input.u32()?, input.u64()?));
        }
        let mut file = Self { metadata, tensors: BTreeMap::new() };
        let alignment = file.whole("general.alignment").unwrap_or(ALIGNMENT).max(1);
        let begin = u64::try_from(input.read).unwrap_or(u64::MAX).next_multiple_of(alignment);
        for (name, sizes, form, offset) in places {
            let place = begin.checked_add(offset).and_then(|place| usize::try_from(place).ok());
            let data = place.and_then(|place| bytes.get(place..));
            let data = data.zip(bytes_of(&sizes, form)).and_then(|(data, length)| data.get(..length));
            let data = data.ok_or_else(|| Damaged(format!("the file ends before {name} does")))?;
            file.tensors.insert(name, Tensor { sizes, form, data });
        }
        Ok(file)
    }

    /// A text of the metadata.
    pub(super) fn text(&self, name: &str) -> Result<&'a str, Damaged> {
        match self.metadata.get(name) {
            Some(Value::Text(text)) => Ok(text),
            _ => Err(missing(name)),
        }
    }

    /// A whole number of the metadata.
    pub(super) fn whole<T: TryFrom<i128>>(&self, name: &str) -> Result<T, Damaged> {
        match self.metadata.get(name) {
            Some(Value::Whole(number)) => T::try_from(*number).map_err(|_| missing(name)),
            _ => Err(missing(name)),
        }
    }

    /// A real number of the metadata.
    #[expect(clippy::cast_possible_truncation, reason = "models count in f32")]
    pub(super) fn real(&self, name: &str) -> Result<f32, Damaged> {
        match self.metadata.get(name) {
            Some(Value::Real(number)) => Ok(*number as f32),
            _ => Err(missing(name)),
        }
    }

    /// A list of texts of the metadata.
    pub(super) fn texts(&self, name: &str) -> Result<Vec<&'a str>, Damaged> {
        let text = |value: &Value<'a>| if let Value::Text(text) = value { Some(*text) } else { None };
        let Some(Value::List(list)) = self.metadata.get(name) else { return Err(missing(name)) };
        list.iter().map(text).collect::<Option<_>>().ok_or_else(|| missing(name))
    }

    /// Whether there is such a table.
    pub(super) fn has(&self, name: &str) -> bool {
        self.tensors.contains_key(name)
    }

    /// A table of this many numbers a row, and this many rows.
    pub(super) fn table(&self, name: &str, columns: usize, rows: usize) -> Result<Vec<f32>, Damaged> {
        let tensor = self.tensors.get(name).ok_or_else(|| missing(name))?;
        let sizes: Vec<_> = tensor.sizes.iter().map(|size| usize::try_from(*size).ok()).collect();
        if !matches!(sizes.as_slice(), [Some(c), Some(r)] if (*c, *r) == (columns, rows))
            && !matches!(sizes.as_slice(), [Some(c)] if (*c, 1) == (columns, rows))
        {
            return Err(Damaged(format!("{name} is not {columns} × {rows}")));
        }
        Ok(match tensor.form {
            F32 => chunks(tensor.data).map(f32::from_le_bytes).collect(),
            F16 => chunks(tensor.data).map(|bytes| half(u16::from_le_bytes(bytes))).collect(),
            _ => tensor.data.chunks_exact(Q8_BYTES).flat_map(eight_bits).collect(),
        })
    }
}

fn missing(name: &str) -> Damaged {
    Damaged(format!("it has no {name}, or not of the right form"))
}

const F32: u32 = 0;
const F16: u32 = 1;
const Q8_0: u32 = 8;
/// A block of Q8_0: a scale and 32 numbers.
const Q8_BYTES: usize = 34;

/// How many bytes such a table has; `None` if there is no such table.
fn bytes_of(sizes: &[u64], form: u32) -> Option<usize> {
    let numbers = sizes.iter().try_fold(1, |product: u64, size| product.checked_mul(*size))?;
    let bytes = match form {
        F32 => numbers.checked_mul(4)?,
        F16 => numbers.checked_mul(2)?,
        // Blocks lie in rows.
        Q8_0 if sizes.first()?.is_multiple_of(32) => (numbers / 32).checked_mul(34)?,
        _ => return None,
    };
    usize::try_from(bytes).ok()
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

/// What is left to be read.
struct Input<'a> {
    bytes: &'a [u8],
    read: usize,
}

impl<'a> Input<'a> {
    fn take(&mut self, length: usize) -> Result<&'a [u8], Damaged> {
        let taken = self.read.checked_add(length).and_then(|end| self.bytes.get(self.read..end));
        let taken = taken.ok_or_else(|| Damaged("the file ends in the midst of its head".to_owned()))?;
        self.read += length;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Damaged> {
        let bytes = self.take(N)?;
        bytes.try_into().map_err(|_| Damaged("the file ends in the midst of a number".to_owned()))
    }

    fn u32(&mut self) -> Result<u32, Damaged> {
        self.array().map(u32::from_le_bytes)
    }

    fn u64(&mut self) -> Result<u64, Damaged> {
        self.array().map(u64::from_le_bytes)
    }

    fn text(&mut self) -> Result<&'a str, Damaged> {
        let length = usize::try_from(self.u64()?).unwrap_or(usize::MAX);
        std::str::from_utf8(self.take(length)?).map_err(|_| Damaged("a text in it is no UTF-8".to_owned()))
    }

    fn value(&mut self, form: u32, depth: u32) -> Result<Value<'a>, Damaged> {
        Ok(match form {
            0 => Value::Whole(u8::from_le_bytes(self.array()?).into()),
            1 => Value::Whole(i8::from_le_bytes(self.array()?).into()),
            2 => Value::Whole(u16::from_le_bytes(self.array()?).into()),
            3 => Value::Whole(i16::from_le_bytes(self.array()?).into()),
            4 => Value::Whole(self.u32()?.into()),
            5 => Value::Whole(i32::from_le_bytes(self.array()?).into()),
            6 => Value::Real(f32::from_le_bytes(self.array()?).into()),
            7 => Value::Flag(self.array()? != [0]),
            8 => Value::Text(self.text()?),
            9 if depth < DEPTH => {
                let form = self.u32()?;
                // Not reserved on the word of the file: each value takes bytes that have to be there.
                let length = self.u64()?;
                let values = (0..length).map(|_| self.value(form, depth + 1)).collect::<Result<_, _>>()?;
                Value::List(values)
            }
            10 => Value::Whole(self.u64()?.into()),
            11 => Value::Whole(i64::from_le_bytes(self.array()?).into()),
            12 => Value::Real(f64::from_le_bytes(self.array()?)),
            _ => return Err(Damaged(format!("a value in it is of the unknown form {form}"))),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Vec<u8> {
        [&(text.len() as u64).to_le_bytes()[..], text.as_bytes()].concat()
    }

    /// A file with one of everything.
    fn file() -> Vec<u8> {
        let mut bytes = b"GGUF\x03\0\0\0".to_vec();
        bytes.extend(3u64.to_le_bytes());
        bytes.extend(4u64.to_le_bytes());
        for (name, form, value) in [
            ("count", 4u32, 7u32.to_le_bytes().to_vec()),
            ("name", 8, text("guide")),
            ("base", 6, 1.5f32.to_le_bytes().to_vec()),
            ("list", 9, [&8u32.to_le_bytes()[..], &2u64.to_le_bytes(), &text("a"), &text("b")].concat()),
        ] {
            bytes.extend(text(name));
            bytes.extend(form.to_le_bytes());
            bytes.extend(value);
        }
        for (name, sizes, form, offset) in
            [("f32", &[2u64][..], F32, 0u64), ("f16", &[2, 2], F16, 32), ("q8", &[32, 1], Q8_0, 64)]
        {
            bytes.extend(text(name));
            bytes.extend((sizes.len() as u32).to_le_bytes());
            sizes.iter().for_each(|size| bytes.extend(size.to_le_bytes()));
            bytes.extend(form.to_le_bytes());
            bytes.extend(offset.to_le_bytes());
        }
        bytes.resize(bytes.len().next_multiple_of(32), 0);
        let begin = bytes.len();
        bytes.extend([0.5f32, -2.0].map(f32::to_le_bytes).concat());
        bytes.resize(begin + 32, 0);
        bytes.extend([0x3c00u16, 0xc000, 0x0001, 0x7c00].map(u16::to_le_bytes).concat());
        bytes.resize(begin + 64, 0);
        bytes.extend(0x3800u16.to_le_bytes());
        bytes.extend((0..32).map(|number: i8| (number - 16).cast_unsigned()));
        bytes
    }

    #[test]
    fn every_form_is_read() {
        let bytes = file();
        let file = Gguf::read(&bytes).unwrap();
        assert_eq!(
            (file.whole("count"), file.text("name"), file.real("base")),
            (Ok(7u32), Ok("guide"), Ok(1.5))
        );
        assert_eq!(file.texts("list"), Ok(vec!["a", "b"]));
        assert_eq!(file.table("f32", 2, 1), Ok(vec![0.5, -2.0]));
        assert_eq!(file.table("f16", 2, 2), Ok(vec![1.0, -2.0, 2f32.powi(-24), f32::INFINITY]));
        let eight = file.table("q8", 32, 1).unwrap();
        assert_eq!((eight.len(), eight[0], eight[17]), (32, -8.0, 0.5));
    }

    #[test]
    fn what_is_not_there_or_of_another_form_is_named() {
        let bytes = file();
        let file = Gguf::read(&bytes).unwrap();
        assert!(file.text("count").unwrap_err().to_string().contains("no count"));
        assert!(file.table("f32", 1, 2).unwrap_err().to_string().contains("f32 is not 1 × 2"));
        assert!(file.table("none", 1, 2).is_err());
    }

    #[test]
    fn a_file_cut_anywhere_is_refused() {
        let bytes = file();
        for length in 0..bytes.len() {
            assert!(Gguf::read(&bytes[..length]).is_err(), "{length}");
        }
    }

    #[test]
    fn a_file_with_any_byte_changed_neither_panics_nor_takes_for_ever() {
        let bytes = file();
        for place in 0..bytes.len() {
            for flip in [0xff, 0x80, 0x01] {
                let mut changed = bytes.clone();
                changed[place] ^= flip;
                if let Ok(file) = Gguf::read(&changed) {
                    let _ = (file.table("q8", 32, 1), file.table("f16", 2, 2), file.texts("list"));
                }
            }
        }
    }

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

//! The file format of models: GGUF.
//!
//! Reads the head of a file, which says where everything is, and checks that all of it is there. Whatever the bytes are,
//! it ends, and takes little memory beside them: lists stay where they are in the bytes until somebody wants one, and there
//! is a bound on how many values and tables there may be.

use std::collections::BTreeMap;
use std::fmt;

use super::forms;

/// Where the weights begin is a multiple of this, unless the file says.
const ALIGNMENT: u64 = 32;

/// How deep lists of lists may go.
const DEPTH: u32 = 4;

/// The most values and the most tables a head may have; the largest models have some thousands.
const ENTRIES_MAX: u64 = 1 << 16;

/// The most axes of a table.
const AXES_MAX: u32 = 4;

/// A file, as its head describes it.
#[derive(Debug)]
pub(crate) struct Gguf<'a> {
    /// The beginning of the file: at least its head.
    bytes: &'a [u8],
    metadata: BTreeMap<&'a str, Value<'a>>,
    tensors: BTreeMap<&'a str, Tensor>,
}

/// What is wrong with a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Damaged(pub(crate) String);

/// Why a head could not be read.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Unread {
    /// It goes on behind these bytes.
    Short,
    /// It is no head.
    Damaged(Damaged),
}

impl From<Unread> for Damaged {
    fn from(unread: Unread) -> Self {
        match unread {
            Unread::Short => Self("the file ends in the midst of its head".to_owned()),
            Unread::Damaged(damaged) => damaged,
        }
    }
}

impl From<Damaged> for Unread {
    fn from(damaged: Damaged) -> Self {
        Self::Damaged(damaged)
    }
}

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
    List(List<'a>),
}

/// Values one behind the other, all of one form, as they stand in the file. They have been looked at once: each is there, and
/// is what it should be.
#[derive(Copy, Clone, Debug, PartialEq)]
struct List<'a> {
    form: u32,
    length: u64,
    bytes: &'a [u8],
}

impl<'a> List<'a> {
    fn values(self) -> impl Iterator<Item = Value<'a>> {
        let Self { form, length, bytes } = self;
        let mut input = Input { bytes, read: 0 };
        (0..length).map_while(move |_| input.value(form, DEPTH).ok())
    }
}

/// A single value, for whoever wants to know all of them.
#[derive(Copy, Clone, Debug, PartialEq)]
pub(crate) enum Single<'a> {
    /// A whole number.
    Whole(i128),
    /// A real number.
    Real(f64),
    /// True or false.
    Flag(bool),
    /// A text.
    Text(&'a str),
}

/// Numbers in a table.
#[derive(Debug)]
struct Tensor {
    /// The length of a row first.
    sizes: Vec<u64>,
    form: u32,
    /// Where its bytes begin, and how many they are.
    place: u64,
    length: u64,
}

impl<'a> Gguf<'a> {
    /// Reads a file that is here as a whole.
    pub(crate) fn read(bytes: &'a [u8]) -> Result<Self, Damaged> {
        Ok(Self::read_head(bytes, u64::try_from(bytes.len()).unwrap_or(u64::MAX))?)
    }

    /// Reads the head of a file of this length, of which these are the first bytes.
    pub(crate) fn read_head(bytes: &'a [u8], length: u64) -> Result<Self, Unread> {
        let mut input = Input { bytes, read: 0 };
        if input.take(4)? != b"GGUF" {
            return Err(Damaged("it is no GGUF file".to_owned()).into());
        }
        let version = input.u32()?;
        if !(2..=3).contains(&version) {
            return Err(
                Damaged(format!("it is a GGUF file of version {version}, and known are 2 and 3")).into()
            );
        }
        let (tensors, values) = (input.u64()?, input.u64()?);
        if tensors > ENTRIES_MAX || values > ENTRIES_MAX {
            let message =
                format!("it says that it has {tensors} tables and {values} values, which no model has");
            return Err(Damaged(message).into());
        }
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
            if axes > AXES_MAX {
                return Err(Damaged(format!("{name} has {axes} axes, and {AXES_MAX} are the most")).into());
            }
            let sizes = (0..axes).map(|_| input.u64()).collect::<Result<Vec<_>, _>>()?;
            places.push((name, sizes, input.u32()?, input.u64()?));
        }
        let mut file = Self { bytes, metadata, tensors: BTreeMap::new() };
        let alignment = file.whole("general.alignment").unwrap_or(ALIGNMENT).max(1);
        let read = u64::try_from(input.read).unwrap_or(u64::MAX);
        let begin = read.checked_next_multiple_of(alignment).unwrap_or(u64::MAX);
        for (name, sizes, form, offset) in places {
            let bytes = forms::bytes_of(&sizes, form)
                .ok_or_else(|| Damaged(format!("{name} is of the unknown form {form}, sized {sizes:?}")))?;
            let place = begin.checked_add(offset);
            let end = place.and_then(|place| place.checked_add(bytes)).filter(|end| *end <= length);
            let (Some(place), Some(_)) = (place, end) else {
                return Err(Damaged(format!("the file ends before {name} does: it was cut off")).into());
            };
            file.tensors.insert(name, Tensor { sizes, form, place, length: bytes });
        }
        Ok(file)
    }

    /// A text of the metadata.
    pub(crate) fn text(&self, name: &str) -> Result<&'a str, Damaged> {
        match self.metadata.get(name) {
            Some(Value::Text(text)) => Ok(text),
            _ => Err(missing(name)),
        }
    }

    /// A whole number of the metadata.
    pub(crate) fn whole<T: TryFrom<i128>>(&self, name: &str) -> Result<T, Damaged> {
        match self.metadata.get(name) {
            Some(Value::Whole(number)) => T::try_from(*number).map_err(|_| missing(name)),
            _ => Err(missing(name)),
        }
    }

    /// A real number of the metadata.
    #[expect(clippy::cast_possible_truncation, reason = "models count in f32")]
    pub(crate) fn real(&self, name: &str) -> Result<f32, Damaged> {
        match self.metadata.get(name) {
            Some(Value::Real(number)) => Ok(*number as f32),
            _ => Err(missing(name)),
        }
    }

    /// A list of texts of the metadata.
    pub(crate) fn texts(&self, name: &str) -> Result<Vec<&'a str>, Damaged> {
        let text = |value| if let Value::Text(text) = value { Some(text) } else { None };
        self.list(name)?.values().map(text).collect::<Option<_>>().ok_or_else(|| missing(name))
    }

    /// A list of whole numbers of the metadata, of which there are as many as this.
    pub(crate) fn wholes(&self, name: &str, length: usize) -> Result<Vec<i128>, Damaged> {
        let whole = |value| if let Value::Whole(number) = value { Some(number) } else { None };
        self.list_of(name, length)?.values().map(whole).collect::<Option<_>>().ok_or_else(|| missing(name))
    }

    /// A list of real numbers of the metadata, of which there are as many as this.
    #[expect(clippy::cast_possible_truncation, reason = "models count in f32")]
    pub(crate) fn reals(&self, name: &str, length: usize) -> Result<Vec<f32>, Damaged> {
        let real = |value| if let Value::Real(number) = value { Some(number as f32) } else { None };
        self.list_of(name, length)?.values().map(real).collect::<Option<_>>().ok_or_else(|| missing(name))
    }

    fn list(&self, name: &str) -> Result<List<'a>, Damaged> {
        match self.metadata.get(name) {
            // Nobody wants lists of lists.
            Some(Value::List(list)) if list.form != LIST => Ok(*list),
            _ => Err(missing(name)),
        }
    }

    fn list_of(&self, name: &str, length: usize) -> Result<List<'a>, Damaged> {
        let list = self.list(name)?;
        if usize::try_from(list.length) == Ok(length) {
            return Ok(list);
        }
        Err(Damaged(format!("its {name} are {} and not {length}, as its tokens are", list.length)))
    }

    /// How long a list of the metadata is.
    pub(crate) fn length_of(&self, name: &str) -> Result<u64, Damaged> {
        Ok(self.list(name)?.length)
    }

    /// Whether the metadata has this.
    pub(crate) fn has_value(&self, name: &str) -> bool {
        self.metadata.contains_key(name)
    }

    /// Every single value of the metadata, with its name.
    pub(crate) fn singles(&self) -> impl Iterator<Item = (&'a str, Single<'a>)> {
        self.metadata.iter().filter_map(|(name, value)| {
            let single = match value {
                Value::Whole(number) => Single::Whole(*number),
                Value::Real(number) => Single::Real(*number),
                Value::Flag(flag) => Single::Flag(*flag),
                Value::Text(text) => Single::Text(text),
                Value::List(_) => return None,
            };
            Some((*name, single))
        })
    }

    /// Every table: its name, its sizes with the length of a row first, its form, and where in the file its bytes begin.
    pub(crate) fn tables(&self) -> impl Iterator<Item = (&'a str, &[u64], u32, u64)> {
        self.tensors.iter().map(|(name, table)| (*name, table.sizes.as_slice(), table.form, table.place))
    }

    /// The sizes of a table, the length of a row first.
    pub(crate) fn sizes(&self, name: &str) -> Result<&[u64], Damaged> {
        self.tensors.get(name).map(|table| table.sizes.as_slice()).ok_or_else(|| missing(name))
    }

    /// True or false in the metadata, where it is said.
    pub(crate) fn flag(&self, name: &str) -> Option<bool> {
        match self.metadata.get(name) {
            Some(Value::Flag(flag)) => Some(*flag),
            _ => None,
        }
    }

    /// Whether there is such a table.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.tensors.contains_key(name)
    }

    /// A table of this many numbers a row, and this many rows.
    pub(crate) fn table(&self, name: &str, columns: usize, rows: usize) -> Result<Vec<f32>, Damaged> {
        let tensor = self.tensors.get(name).ok_or_else(|| missing(name))?;
        let sizes: Vec<_> = tensor.sizes.iter().map(|size| usize::try_from(*size).ok()).collect();
        if !matches!(sizes.as_slice(), [Some(c), Some(r)] if (*c, *r) == (columns, rows))
            && !matches!(sizes.as_slice(), [Some(c)] if (*c, 1) == (columns, rows))
        {
            return Err(Damaged(format!("{name} is not {columns} × {rows}")));
        }
        let begin = usize::try_from(tensor.place).ok();
        let data = begin.zip(usize::try_from(tensor.length).ok());
        let data = data.and_then(|(begin, length)| self.bytes.get(begin..)?.get(..length));
        let data = data.ok_or_else(|| Damaged(format!("{name} is not here")))?;
        forms::numbers(data, tensor.form)
            .ok_or_else(|| Damaged(format!("{name} is of the form {}, and read are 0, 1 and 8", tensor.form)))
    }
}

fn missing(name: &str) -> Damaged {
    Damaged(format!("it has no {name}, or not of the right form"))
}

/// The form of a value that is a list.
const LIST: u32 = 9;

/// How many bytes a value of this form takes; `None` if that depends on the value, or if there is no such form.
fn width(form: u32) -> Option<u64> {
    match form {
        0 | 1 | 7 => Some(1),
        2 | 3 => Some(2),
        4..=6 => Some(4),
        10..=12 => Some(8),
        _ => None,
    }
}

/// What is left to be read.
struct Input<'a> {
    bytes: &'a [u8],
    read: usize,
}

impl<'a> Input<'a> {
    fn take(&mut self, length: usize) -> Result<&'a [u8], Unread> {
        let taken = self.read.checked_add(length).and_then(|end| self.bytes.get(self.read..end));
        let taken = taken.ok_or(Unread::Short)?;
        self.read += length;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Unread> {
        let bytes = self.take(N)?;
        bytes.try_into().map_err(|_| Unread::Short)
    }

    fn u32(&mut self) -> Result<u32, Unread> {
        self.array().map(u32::from_le_bytes)
    }

    fn u64(&mut self) -> Result<u64, Unread> {
        self.array().map(u64::from_le_bytes)
    }

    fn text(&mut self) -> Result<&'a str, Unread> {
        let length = usize::try_from(self.u64()?).unwrap_or(usize::MAX);
        std::str::from_utf8(self.take(length)?)
            .map_err(|_| Damaged("a text in it is no UTF-8".to_owned()).into())
    }

    fn value(&mut self, form: u32, depth: u32) -> Result<Value<'a>, Unread> {
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
            LIST if depth < DEPTH => {
                let (form, length) = (self.u32()?, self.u64()?);
                let begin = self.read;
                match width(form) {
                    Some(width) => {
                        let bytes = length.checked_mul(width).and_then(|bytes| usize::try_from(bytes).ok());
                        self.take(bytes.ok_or(Unread::Short)?)?;
                    }
                    // What has no width of its own is read to find where it ends: each value takes bytes that are there.
                    None => (0..length).try_for_each(|_| self.value(form, depth + 1).map(drop))?,
                }
                let bytes = self.bytes.get(begin..self.read).unwrap_or_default();
                Value::List(List { form, length, bytes })
            }
            10 => Value::Whole(self.u64()?.into()),
            11 => Value::Whole(i64::from_le_bytes(self.array()?).into()),
            12 => Value::Real(f64::from_le_bytes(self.array()?)),
            _ => return Err(Damaged(format!("a value in it is of the unknown form {form}")).into()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::forms::{F16, F32, Q8_0};
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

    /// A head with one list of single bytes, which says that it is so long and is so long.
    fn head_with_bytes(said: u64, are: usize) -> Vec<u8> {
        let list = [&0u32.to_le_bytes()[..], &said.to_le_bytes()].concat();
        let head = [b"GGUF\x03\0\0\0", &0u64.to_le_bytes()[..], &1u64.to_le_bytes(), &text("list")].concat();
        let mut head = [head, 9u32.to_le_bytes().to_vec(), list].concat();
        head.resize(head.len() + are, 0);
        head
    }

    #[test]
    fn a_head_that_lies_about_its_lengths_is_cut_off_or_refused() {
        for said in [65, u64::from(u32::MAX), u64::MAX] {
            let error = Gguf::read_head(&head_with_bytes(said, 64), u64::MAX).unwrap_err();
            assert_eq!(error, Unread::Short, "{said}");
        }
        for (place, said) in [(8, "tables"), (16, "values")] {
            let mut counts = file();
            counts[place..place + 8].copy_from_slice(&(ENTRIES_MAX + 1).to_le_bytes());
            let error = Gguf::read(&counts).unwrap_err().to_string();
            assert!(error.contains(said) && error.contains("which no model has"), "{error}");
        }
        let mut axes = file();
        let place = axes.windows(3).rposition(|bytes| bytes == b"f32").unwrap() + 3;
        axes[place..place + 4].copy_from_slice(&u32::MAX.to_le_bytes());
        assert!(Gguf::read(&axes).unwrap_err().to_string().contains("axes"));
    }

    /// Where a byte of a list became a value of 32, 64 MiB of head took 2 GiB. The limit holds for a whole process, so the test
    /// runs itself again in one of its own.
    #[cfg(target_os = "linux")]
    #[test]
    fn a_head_takes_no_more_memory_than_its_bytes() {
        const ITSELF: &str = "in_process::gguf::tests::a_head_takes_no_more_memory_than_its_bytes";
        const BYTES: usize = 64 << 20;
        if std::env::var_os("BACKSTOP_TEST_LIMITED").is_some() {
            let head = head_with_bytes(BYTES as u64, BYTES);
            let file = Gguf::read_head(&head, u64::MAX).unwrap();
            assert_eq!(file.list("list").unwrap().length, BYTES as u64);
            assert!(
                file.texts("list").is_err()
                    && file.reals("list", BYTES).is_err()
                    && file.wholes("list", 7).is_err()
            );
            return;
        }
        let mut limited = std::process::Command::new("sh");
        limited.args(["-c", "ulimit -v 600000 && exec \"$0\" --exact \"$1\" --test-threads 1"]);
        let limited =
            limited.arg(std::env::current_exe().unwrap()).arg(ITSELF).env("BACKSTOP_TEST_LIMITED", "1");
        let output = limited.output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success() && said.contains("1 passed"), "{output:?}");
    }
}

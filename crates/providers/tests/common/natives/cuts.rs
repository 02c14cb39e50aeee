//! How the bytes of a stream are cut says nothing, and whatever comes, a stream ends.

use std::fmt::Debug;

use backstop_core::Error;
use bytes::Bytes;

use super::fake::Fake;
use super::told::Told;

/// What is told of these pieces of a body.
async fn of<T>(pieces: Vec<&[u8]>, read: &impl AsyncFn(Fake) -> Told<T>) -> (Vec<T>, Option<String>) {
    let chunks = pieces.into_iter().map(|piece| Ok(Bytes::copy_from_slice(piece)));
    let (told, error) = read(Fake::chunked(200, chunks)).await;
    (told, error.map(|error: Error| format!("{error:?}")))
}

/// Cuts the body at every place, into single bytes, and at random; it must always be told as if whole.
pub(crate) async fn anywhere<T: Debug + PartialEq>(body: &str, read: impl AsyncFn(Fake) -> Told<T>) {
    let mut random = fastrand::Rng::with_seed(3);
    let bytes = body.as_bytes();
    let whole = of(vec![bytes], &read).await;
    for at in 0..=bytes.len() {
        let (head, tail) = bytes.split_at(at);
        assert_eq!(of(vec![head, tail], &read).await, whole, "{body}, cut at {at}");
    }
    assert_eq!(of(bytes.chunks(1).collect(), &read).await, whole, "{body}, byte by byte");
    for _ in 0..50 {
        let mut pieces = Vec::new();
        let mut rest = bytes;
        while !rest.is_empty() {
            let (piece, left) = rest.split_at(random.usize(0..=rest.len().min(40)));
            pieces.push(piece);
            rest = left;
        }
        assert_eq!(of(pieces, &read).await, whole, "{body}");
    }
}

/// Changes, leaves out and doubles bytes of these bodies: each must end once, in an `End` or in an error.
pub(crate) async fn garbled<T: Debug>(
    bodies: &[&str],
    read: impl AsyncFn(Fake) -> Told<T>,
    is_end: impl Fn(&T) -> bool,
) {
    let mut random = fastrand::Rng::with_seed(4);
    for round in 0..5_000 {
        let mut body: Vec<u8> = if round % 4 == 0 {
            (0..random.usize(0..200)).map(|_| random.u8(..)).collect()
        } else {
            random.choice(bodies).unwrap().as_bytes().to_vec()
        };
        for _ in 0..random.usize(0..6) {
            if body.is_empty() {
                break;
            }
            let at = random.usize(0..body.len());
            match random.u8(0..4) {
                0 => *body.get_mut(at).unwrap() = random.u8(..),
                1 => drop(body.remove(at)),
                2 => body.insert(at, random.choice(*b"{}[]\",:\r\n dx\xff").unwrap()),
                _ => body.truncate(at),
            }
        }
        let pieces: Vec<_> = body.chunks(random.usize(1..100)).collect();
        let (told, error) = of(pieces, &read).await;
        let ends = told.iter().filter(|piece| is_end(piece)).count();
        assert_eq!(ends + usize::from(error.is_some()), 1, "{told:?} {error:?}");
        assert!(ends == 0 || told.last().is_some_and(&is_end), "{told:?}");
    }
}

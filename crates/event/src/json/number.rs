//! Numbers of JSON.

use super::out::Out;

const TEN_TO_8: u64 = 100_000_000;
const TEN_TO_16: u64 = TEN_TO_8 * TEN_TO_8;

/// Bytes of the longest integer with its sign, and some that are written over.
const INTEGER_ROOM: usize = 32;

#[inline(always)]
pub(super) fn write_uint(out: &mut Out, number: u64) {
    out.write::<INTEGER_ROOM>(move |room| store_uint(room, 0, number));
}

#[inline(always)]
pub(super) fn write_int(out: &mut Out, number: i64) {
    out.write::<INTEGER_ROOM>(move |room| {
        room[0] = b'-';
        store_uint(room, usize::from(number < 0), number.unsigned_abs())
    });
}

/// Appends a finite double in the shortest form that reads back to it, as `ryu` writes it.
#[inline(always)]
pub(super) fn write_float(out: &mut Out, number: f64) {
    match millionths(number.abs()) {
        Some(millionths) => out.write::<INTEGER_ROOM>(move |room| {
            room[0] = b'-';
            store_millionths(room, usize::from(number.is_sign_negative()), millionths)
        }),
        None => write_any_float(out, number),
    }
}

#[inline(never)]
fn write_any_float(out: &mut Out, number: f64) {
    out.extend(ryu::Buffer::new().format_finite(number).as_bytes());
}

/// The number in millionths, if these many millionths as a decimal are the shortest form of the double.
///
/// No two decimals of at most 15 digits read as the same double. So one that reads as this double is the
/// shortest that does; and it does if dividing, which rounds as reading does, gives the double.
#[inline(always)]
fn millionths(number: f64) -> Option<u64> {
    const MILLION: f64 = 1e6;
    const TEN_TO_15: u64 = 1_000_000_000_000_000;
    /// Integers below are doubles. Those that end in 0 have 15 digits before it.
    const EXACT: u64 = 1 << 53;
    /// The smallest number but 0 that is written without an exponent.
    const SMALLEST: u64 = 10;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a guess, which is checked")]
    let millionths = (number * MILLION + 0.5) as u64;
    #[expect(clippy::cast_precision_loss, reason = "none in what is taken")]
    let back = millionths as f64 / MILLION;
    let short = millionths < TEN_TO_15 || (millionths < EXACT && millionths.is_multiple_of(10));
    let plain = millionths >= SMALLEST || millionths == 0;
    (back == number && short && plain).then_some(millionths)
}

/// Stores a number at `at` in its decimal digits and returns where they end.
#[inline(always)]
fn store_uint(room: &mut [u8; INTEGER_ROOM], at: usize, number: u64) -> usize {
    if number < TEN_TO_8 {
        return store_up_to_8(room, at, number);
    }
    if number < TEN_TO_16 {
        let end = store_up_to_8(room, at, number / TEN_TO_8);
        return store_8(room, end, number % TEN_TO_8);
    }
    let end = store_up_to_8(room, at, number / TEN_TO_16);
    let end = store_8(room, end, number / TEN_TO_8 % TEN_TO_8);
    store_8(room, end, number % TEN_TO_8)
}

#[inline(always)]
fn store_millionths(room: &mut [u8; INTEGER_ROOM], at: usize, millionths: u64) -> usize {
    const MILLION: u64 = 1_000_000;
    let point = store_uint(room, at, millionths / MILLION);
    let digits = digits(millionths % MILLION * 100);
    store(room, point, u64::from(b'.'));
    store(room, point + 1, digits | ASCII_ZEROS);
    let zeros_behind = (digits.leading_zeros() / 8).min(7);
    point + 9 - zeros_behind as usize
}

#[inline(always)]
fn store_up_to_8(room: &mut [u8; INTEGER_ROOM], at: usize, number: u64) -> usize {
    let digits = digits(number);
    let zeros_before = (digits.trailing_zeros() / 8).min(7);
    store(room, at, (digits | ASCII_ZEROS) >> (8 * zeros_before));
    at + 8 - zeros_before as usize
}

#[inline(always)]
fn store_8(room: &mut [u8; INTEGER_ROOM], at: usize, number: u64) -> usize {
    store(room, at, digits(number) | ASCII_ZEROS);
    at + 8
}

/// The room always takes it: what is stored ends with the longest integer, its sign and a few bytes more.
#[inline(always)]
fn store(room: &mut [u8; INTEGER_ROOM], at: usize, word: u64) {
    if let Some(room) = room.get_mut(at..at + 8) {
        room.copy_from_slice(&word.to_le_bytes());
    }
}

const ASCII_ZEROS: u64 = 0x3030_3030_3030_3030;

/// The eight decimal digits of a number below 10^8, the first in the lowest byte. Each step halves the
/// groups, all groups at once: the quotient goes to the lower half and what is left to the upper.
#[inline(always)]
fn digits(number: u64) -> u64 {
    let fours = (number / 10_000) | ((number % 10_000) << 32);
    // 10486 / 2^20 and 103 / 2^10 are a hundredth and a tenth, exact enough for four and two digits.
    let hundreds = ((fours * 10_486) >> 20) & 0x0000_007f_0000_007f;
    let twos = hundreds | ((fours - 100 * hundreds) << 16);
    let tens = ((twos * 103) >> 10) & 0x000f_000f_000f_000f;
    tens | ((twos - 10 * tens) << 8)
}

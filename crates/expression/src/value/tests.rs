use std::cmp::Ordering::{Equal, Greater, Less};

use proptest::prelude::*;

use super::*;

fn order(left: Number, right: Number) -> Option<Ordering> {
    Value::Number(left).order(Value::Number(right), &mut Steps::new()).unwrap()
}

#[test]
fn numbers_compare_exactly_at_the_edges() {
    const TWO_53: i128 = 1 << 53;
    for (integer, double, expected) in [
        (TWO_53, 9_007_199_254_740_992.0, Some(Equal)),
        (TWO_53 + 1, 9_007_199_254_740_992.0, Some(Greater)),
        (TWO_53 + 1, 9_007_199_254_740_994.0, Some(Less)),
        (i128::from(i64::MAX), 9_223_372_036_854_775_808.0, Some(Less)),
        (i128::from(i64::MIN), -9_223_372_036_854_775_808.0, Some(Equal)),
        (i128::from(u64::MAX), 18_446_744_073_709_551_616.0, Some(Less)),
        (i128::from(u64::MAX), f64::INFINITY, Some(Less)),
        (i128::from(i64::MIN), f64::NEG_INFINITY, Some(Greater)),
        (0, -0.0, Some(Equal)),
        (0, f64::MIN_POSITIVE, Some(Less)),
        (0, -f64::MIN_POSITIVE, Some(Greater)),
        (-5, -5.5, Some(Greater)),
        (-6, -5.5, Some(Less)),
        (5, 5.5, Some(Less)),
        (6, 5.5, Some(Greater)),
        (1, f64::NAN, None),
        (1, f64::MAX, Some(Less)),
        (1, f64::MIN, Some(Greater)),
    ] {
        assert_eq!(order(Number::Integer(integer), Number::Double(double)), expected, "{integer} {double}");
        let reversed = expected.map(Ordering::reverse);
        assert_eq!(order(Number::Double(double), Number::Integer(integer)), reversed, "{double} {integer}");
    }
}

proptest! {
    #[test]
    fn an_integer_equals_a_double_when_it_is_that_number(integer: i64, shift in 0u32..64) {
        let integer = integer >> shift;
        let double = integer as f64;
        #[expect(clippy::cast_possible_truncation, reason = "an i64 as a double fits an i128")]
        let exact = double as i128;
        let found = order(Number::Integer(integer.into()), Number::Double(double));
        prop_assert_eq!(found, Some(i128::from(integer).cmp(&exact)));
    }

    #[test]
    fn a_list_of_literals_is_searched_as_if_one_by_one(
        numbers: Vec<i8>, doubles in prop::collection::vec(-9.0..9.0f64, 0..5), texts in prop::collection::vec("[ab]{0,2}", 0..6),
        number: i8, text in "[ab]{0,2}", null: bool,
    ) {
        let mut list: Vec<_> = numbers.iter().map(|&number| Literal::Number(Number::Integer(number.into()))).collect();
        list.extend(doubles.into_iter().map(|double| Literal::Number(Number::Double(double))));
        list.extend(texts.into_iter().map(|text| Literal::String(text.into())));
        list.extend(null.then_some(Literal::Null));
        list.sort_by(Literal::order);
        list.dedup_by(|one, other| one.order(other).is_eq());
        let steps = &mut Steps::new();
        let values = [
            Value::Number(Number::Integer(number.into())),
            Value::Number(Number::Double(f64::from(number))),
            Value::Number(Number::Double(f64::NAN)),
            Value::String(text.as_bytes()),
            Value::Null,
            Value::Bool(true),
            Value::List(b"\x90"),
        ];
        for value in values {
            let one_by_one = list.iter().any(|literal| value.equals(literal.into(), &mut Steps::new()) == Ok(true));
            prop_assert_eq!(value.is_one_of(&list, steps), Ok(one_by_one));
        }
    }
}

//! NUMERIC of any decimal that the engine has, exactly: arrow-pg's own goes through 96 bits.

use std::error::Error;

use bytes::{BufMut, BytesMut};
use datafusion::arrow::array::{Array, ArrayRef, AsArray};
use datafusion::arrow::datatypes::{DataType, Decimal128Type, Decimal256Type, UInt64Type};
use pgwire::types::ToSqlText;
use pgwire::types::format::FormatOptions;
use postgres_types::{IsNull, ToSql, Type};

/// Decimal digits of one digit of the binary form.
const GROUP: usize = 4;

/// A decimal as its sign, its digits and how many of them are after the point.
#[derive(Debug)]
pub(super) struct Numeric {
    is_negative: bool,
    /// As text; at least one more than `scale`.
    digits: String,
    scale: usize,
}

impl Numeric {
    /// Makes the number of an unscaled whole number, as text, and a scale.
    fn new(unscaled: &str, scale: i8) -> Self {
        let is_negative = unscaled.starts_with('-');
        let digits = unscaled.trim_start_matches('-');
        let mut digits = digits.to_owned();
        if scale < 0 {
            digits.push_str(&"0".repeat(usize::from(scale.unsigned_abs())));
        }
        let scale = usize::try_from(scale).unwrap_or(0);
        if digits.len() <= scale {
            digits = format!("{}{digits}", "0".repeat(scale + 1 - digits.len()));
        }
        Self { is_negative, digits, scale }
    }

    /// Returns the number in a row of a column; nothing where there is none or it is no such
    /// column.
    pub(super) fn of(column: &ArrayRef, row: usize) -> Option<Self> {
        if column.is_null(row) {
            return None;
        }
        match column.data_type() {
            DataType::Decimal128(_, scale) => {
                let value = column.as_primitive_opt::<Decimal128Type>()?.value(row);
                Some(Self::new(&value.to_string(), *scale))
            }
            DataType::Decimal256(_, scale) => {
                let value = column.as_primitive_opt::<Decimal256Type>()?.value(row);
                Some(Self::new(&value.to_string(), *scale))
            }
            DataType::UInt64 => {
                let value = column.as_primitive_opt::<UInt64Type>()?.value(row);
                Some(Self::new(&value.to_string(), 0))
            }
            _ => None,
        }
    }

    /// Returns whether a type is sent as NUMERIC by this module.
    pub(super) const fn has(data_type: &DataType) -> bool {
        matches!(data_type, DataType::Decimal128(..) | DataType::Decimal256(..) | DataType::UInt64)
    }

    fn whole(&self) -> &str {
        &self.digits[..self.digits.len() - self.scale]
    }

    fn fraction(&self) -> &str {
        &self.digits[self.digits.len() - self.scale..]
    }

    /// Returns the digits of base 10,000 and the power of the first one.
    fn groups(&self) -> (Vec<i16>, i16) {
        let whole = self.whole();
        let padding = (GROUP - whole.len() % GROUP) % GROUP;
        let mut digits = "0".repeat(padding) + whole;
        let mut weight = (digits.len() / GROUP) as i16 - 1;
        digits.push_str(self.fraction());
        digits.push_str(&"0".repeat((GROUP - digits.len() % GROUP) % GROUP));
        let value = |group: &[u8]| group.iter().fold(0, |sum, digit| sum * 10 + digit - b'0');
        let wide =
            |group: &[u8]| i16::from(value(&group[..2])) * 100 + i16::from(value(&group[2..]));
        let mut groups: Vec<i16> = digits.as_bytes().chunks(GROUP).map(wide).collect();
        while groups.first() == Some(&0) {
            groups.remove(0);
            weight -= 1;
        }
        while groups.last() == Some(&0) {
            groups.pop();
        }
        if groups.is_empty() {
            weight = 0;
        }
        (groups, weight)
    }
}

impl ToSql for Numeric {
    fn to_sql(&self, _: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        let (groups, weight) = self.groups();
        out.put_i16(i16::try_from(groups.len())?);
        out.put_i16(weight);
        out.put_u16(if self.is_negative && !groups.is_empty() { 0x4000 } else { 0 });
        out.put_u16(u16::try_from(self.scale)?);
        groups.into_iter().for_each(|group| out.put_i16(group));
        Ok(IsNull::No)
    }

    fn accepts(data_type: &Type) -> bool {
        *data_type == Type::NUMERIC
    }

    postgres_types::to_sql_checked!();
}

impl ToSqlText for Numeric {
    fn to_sql_text(
        &self,
        _: &Type,
        out: &mut BytesMut,
        _: &FormatOptions,
    ) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        if self.is_negative {
            out.put_u8(b'-');
        }
        out.put_slice(self.whole().as_bytes());
        if self.scale > 0 {
            out.put_u8(b'.');
            out.put_slice(self.fraction().as_bytes());
        }
        Ok(IsNull::No)
    }
}

/// Reads the binary form of a number as text.
pub(super) fn read(bytes: &[u8]) -> Option<String> {
    let field = |index: usize| {
        let bytes = bytes.get(index * 2..index * 2 + 2)?;
        Some(i16::from_be_bytes([bytes[0], bytes[1]]))
    };
    let count = field(0)?;
    let weight = field(1)?;
    let sign = field(2)?;
    let scale = usize::try_from(field(3)?).ok()?;
    // Neither infinite nor not a number.
    if sign != 0 && sign != 0x4000 {
        return None;
    }
    let group = |power: i16| {
        let index = weight - power;
        let is_there = (0..count).contains(&index);
        if is_there { field(4 + usize::try_from(index).ok()?) } else { Some(0) }
    };
    let mut text = if sign == 0 { String::new() } else { "-".to_owned() };
    let mut whole = String::new();
    for power in (0..=weight.max(0)).rev() {
        whole.push_str(&format!("{:04}", group(power)?));
    }
    let shown = whole.trim_start_matches('0');
    text.push_str(if shown.is_empty() { "0" } else { shown });
    if scale > 0 {
        let mut fraction = String::new();
        for power in 1..=scale.div_ceil(GROUP) {
            fraction.push_str(&format!("{:04}", group(-i16::try_from(power).ok()?)?));
        }
        text.push('.');
        text.push_str(fraction.get(..scale)?);
    }
    Some(text)
}

#[cfg(test)]
mod tests {
    use bytes::BytesMut;
    use pgwire::types::ToSqlText;
    use pgwire::types::format::FormatOptions;
    use postgres_types::{ToSql, Type};
    use proptest::prelude::{any, proptest};

    use super::{Numeric, read};

    fn text(number: &Numeric) -> String {
        let mut bytes = BytesMut::new();
        number.to_sql_text(&Type::NUMERIC, &mut bytes, &FormatOptions::default()).unwrap();
        String::from_utf8(bytes.to_vec()).unwrap()
    }

    fn binary(number: &Numeric) -> Vec<u8> {
        let mut bytes = BytesMut::new();
        number.to_sql(&Type::NUMERIC, &mut bytes).unwrap();
        bytes.to_vec()
    }

    #[test]
    fn numbers_have_the_text_that_their_scale_says() {
        assert_eq!(text(&Numeric::new("0", 8)), "0.00000000");
        assert_eq!(text(&Numeric::new("-5", 2)), "-0.05");
        assert_eq!(text(&Numeric::new("6712345000000", 8)), "67123.45000000");
        assert_eq!(text(&Numeric::new("12", -2)), "1200");
    }

    #[test]
    fn the_binary_form_has_groups_of_four_digits() {
        // As PostgreSQL sends 12345.678: two groups and one after the point, scale 3.
        let expected = [0, 3, 0, 1, 0, 0, 0, 3, 0, 1, 9, 41, 26, 124];
        assert_eq!(binary(&Numeric::new("12345678", 3)), expected);
        assert_eq!(binary(&Numeric::new("0", 2)), [0, 0, 0, 0, 0, 0, 0, 2]);
    }

    proptest! {
        #[test]
        fn a_number_that_is_written_in_binary_is_read_as_its_text(
            unscaled in any::<i128>(),
            scale in 0_i8..38,
        ) {
            let number = Numeric::new(&unscaled.to_string(), scale);
            assert_eq!(read(&binary(&number)).unwrap(), text(&number));
        }
    }
}

//! The shapes of single values in the file: a secret that does not print, and one text or several.

use std::{fmt, marker::PhantomData};

use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{self, IntoDeserializer},
};

use crate::values::secret::Secret;

/// A secret as it stands in the file or the environment. It neither prints nor serializes, and a
/// value of the wrong type is not repeated in the complaint (OPS-22).
#[derive(Clone)]
pub(crate) struct Hidden(Secret<String>);

impl Hidden {
    pub(crate) fn is_empty(&self) -> bool {
        self.0.expose().is_empty()
    }

    pub(crate) fn secret(&self) -> &Secret<String> {
        &self.0
    }
}

impl Default for Hidden {
    fn default() -> Self {
        Self(Secret::from(""))
    }
}

impl PartialEq for Hidden {
    fn eq(&self, other: &Self) -> bool {
        self.0.matches(other.0.expose())
    }
}

impl fmt::Debug for Hidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.is_empty() { "\"\"" } else { "[secret]" })
    }
}

impl Serialize for Hidden {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(if self.is_empty() { "" } else { "[secret]" })
    }
}

impl<'de> Deserialize<'de> for Hidden {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Text;
        impl de::Visitor<'_> for Text {
            type Value = Hidden;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text in quotes")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Hidden, E> {
                Ok(Hidden(Secret::from(text)))
            }

            // serde's own words for these would quote the value.
            fn visit_bool<E: de::Error>(self, _: bool) -> Result<Hidden, E> {
                Err(E::custom(UNQUOTED))
            }

            fn visit_i64<E: de::Error>(self, _: i64) -> Result<Hidden, E> {
                Err(E::custom(UNQUOTED))
            }

            fn visit_f64<E: de::Error>(self, _: f64) -> Result<Hidden, E> {
                Err(E::custom(UNQUOTED))
            }
        }
        from.deserialize_any(Text)
    }
}

const UNQUOTED: &str = "a secret is a text in quotes";

/// One value or a list of them: `path = "/x"` and `path = ["/x", "/y"]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub(crate) struct Several<T>(pub(crate) Vec<T>);

/// One text or a list of texts.
pub(crate) type Texts = Several<String>;

impl Texts {
    pub(crate) fn of<const N: usize>(texts: [&str; N]) -> Self {
        Self(texts.map(str::to_owned).to_vec())
    }
}

impl<T> Several<T> {
    pub(crate) fn iter(&self) -> std::slice::Iter<'_, T> {
        self.0.iter()
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<T> Default for Several<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Several<T> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct OneOrMany<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> de::Visitor<'de> for OneOrMany<T> {
            type Value = Several<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text in quotes or a list of texts")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Several<T>, E> {
                T::deserialize(text.into_deserializer()).map(|one| Several(vec![one]))
            }

            fn visit_seq<A: de::SeqAccess<'de>>(self, mut list: A) -> Result<Several<T>, A::Error> {
                let mut values = Vec::new();
                while let Some(value) = list.next_element()? {
                    values.push(value);
                }
                Ok(Several(values))
            }
        }
        from.deserialize_any(OneOrMany(PhantomData))
    }
}

use crate::Error;
use crate::psi::fits;
use alloc::vec::Vec;
use wire::{Reader, Writer};

/// A piece of a descriptor, read and written by one description.
pub(in crate::psi) trait Field: Sized {
    fn get(r: &mut Reader<'_>, what: &'static str) -> Result<Self, Error>;
    fn put(&self, w: &mut Writer<'_>, what: &'static str) -> Result<(), Error>;
}

macro_rules! numbers {
    ($($type:ident)*) => {
        $(
            impl Field for $type {
                fn get(r: &mut Reader<'_>, what: &'static str) -> Result<Self, Error> {
                    Ok(r.$type(what)?)
                }
                fn put(&self, w: &mut Writer<'_>, _: &'static str) -> Result<(), Error> {
                    w.$type(*self);
                    Ok(())
                }
            }
        )*
    };
}

numbers!(u8 u16 u32 u64);

impl<const N: usize> Field for [u8; N] {
    fn get(r: &mut Reader<'_>, what: &'static str) -> Result<Self, Error> {
        Ok(*r.array(what)?)
    }
    fn put(&self, w: &mut Writer<'_>, _: &'static str) -> Result<(), Error> {
        w.bytes(self);
        Ok(())
    }
}

/// As many as there are up to the end.
impl<T: Field> Field for Vec<T> {
    fn get(r: &mut Reader<'_>, what: &'static str) -> Result<Self, Error> {
        let mut all = Vec::new();
        while !r.is_empty() {
            all.push(T::get(r, what)?);
        }
        Ok(all)
    }
    fn put(&self, w: &mut Writer<'_>, what: &'static str) -> Result<(), Error> {
        self.iter().try_for_each(|one| one.put(w, what))
    }
}

/// Reads bytes after their count in 8 bits.
pub(super) fn counted(r: &mut Reader<'_>, what: &'static str) -> Result<Vec<u8>, Error> {
    let len = r.u8(what)?;
    Ok(r.take(len.into(), what)?.to_vec())
}

/// Writes bytes after their count in 8 bits.
pub(super) fn put_counted(
    w: &mut Writer<'_>,
    what: &'static str,
    bytes: &[u8],
) -> Result<(), Error> {
    w.sized_u8(what, wire::LengthOf::Body, |w| {
        w.bytes(bytes);
        Ok::<(), Error>(())
    })?;
    Ok(())
}

/// Defines a struct that is its fields one after the other; with `= TAG` it is a descriptor.
macro_rules! structure {
    (
        $(#[$meta:meta])*
        $name:ident $(= $tag:literal $(/ $extension:literal)?)? {
            $($(#[$field_meta:meta])* $field:ident: $type:ty,)*
        }
    ) => {
        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub struct $name {
            $($(#[$field_meta])* pub $field: $type,)*
        }

        impl $crate::psi::descriptor::field::Field for $name {
            fn get(r: &mut wire::Reader<'_>, _: &'static str) -> Result<Self, $crate::Error> {
                Ok(Self {
                    $($field: $crate::psi::descriptor::field::Field::get(r, stringify!($field))?,)*
                })
            }
            fn put(&self, w: &mut wire::Writer<'_>, _: &'static str) -> Result<(), $crate::Error> {
                $($crate::psi::descriptor::field::Field::put(&self.$field, w, stringify!($field))?;)*
                Ok(())
            }
        }

        $($crate::psi::descriptor::field::described!($name = $tag $(/ $extension)?);)?
    };
}

/// Makes a descriptor of what is a `Field`.
macro_rules! described {
    ($name:ident = $tag:literal $(/ $extension:literal)?) => {
        impl $crate::psi::descriptor::Describe for $name {
            const TAG: u8 = $tag;
            $(const EXTENSION_TAG: Option<u8> = Some($extension);)?

            fn decode(r: &mut wire::Reader<'_>) -> Result<Self, $crate::Error> {
                $crate::psi::descriptor::field::Field::get(r, stringify!($name))
            }
            fn encode(&self, w: &mut wire::Writer<'_>) -> Result<(), $crate::Error> {
                $crate::psi::descriptor::field::Field::put(self, w, stringify!($name))
            }
        }
    };
}

pub(super) use {described, structure};

/// Reads the low 22 bits of 24.
pub(super) fn u22(r: &mut Reader<'_>, what: &'static str) -> Result<u32, Error> {
    Ok(r.u24(what)? & 0x3F_FFFF)
}

/// Writes 22 bits after two that are 1.
pub(super) fn put_u22(w: &mut Writer<'_>, what: &'static str, value: u32) -> Result<(), Error> {
    w.u24(what, 0xC0_0000 | fits(what, value, 0x3F_FFFF)?)?;
    Ok(())
}

use super::{Header, IsoBox, Raw};
use crate::Error;
use alloc::vec::Vec;
use wire::{Reader, Writer};

/// One box among others, not read yet.
#[derive(Debug, Clone, Copy)]
pub struct Child<'a> {
    /// Its header.
    pub header: Header,
    whole: Reader<'a>,
    body: Reader<'a>,
}

impl<'a> Child<'a> {
    /// Finds the next box; one of size 0 takes all that is left.
    ///
    /// # Errors
    /// [`Error::Short`] where the header or the body is not whole, [`Error::Invalid`] for an impossible size;
    /// the reader does not move then.
    pub fn decode(r: &mut Reader<'a>) -> Result<Self, Error> {
        let mut body = *r;
        let header = Header::decode(&mut body)?;
        let mut after = *r;
        let len = header
            .size
            .map_or(r.left(), |size| usize::try_from(size).unwrap_or(usize::MAX));
        let whole = after.sub(len, "box")?;
        let body_len = len.saturating_sub(header.header_len.into());
        let body = body.sub(body_len, "box body")?;
        *r = after;
        Ok(Self {
            header,
            whole,
            body,
        })
    }

    /// A reader over what stands after the header.
    #[must_use]
    pub const fn body(&self) -> Reader<'a> {
        self.body
    }

    /// All its bytes, the header included.
    #[must_use]
    pub const fn bytes(&self) -> &'a [u8] {
        self.whole.peek()
    }

    /// Offset of its first byte in the outermost input.
    #[must_use]
    pub const fn offset(&self) -> usize {
        self.whole.offset()
    }
}

/// The boxes in a container's body, one after the other.
///
/// A damaged header ends the walk with an error; [`rest`](Self::rest) then has the bytes from there on.
#[derive(Debug, Clone)]
pub struct Children<'a> {
    rest: Reader<'a>,
    failed: bool,
}

impl<'a> Children<'a> {
    /// Over all that is left of a reader.
    #[must_use]
    pub const fn new(body: Reader<'a>) -> Self {
        Self {
            rest: body,
            failed: false,
        }
    }

    /// What has not been walked over yet.
    #[must_use]
    pub const fn rest(&self) -> Reader<'a> {
        self.rest
    }
}

impl<'a> Iterator for Children<'a> {
    type Item = Result<Child<'a>, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.failed || self.rest.is_empty() {
            return None;
        }
        let child = Child::decode(&mut self.rest);
        self.failed = child.is_err();
        Some(child)
    }
}

/// A container's field for children of one type.
pub(super) trait Slot: Default {
    type Child: IsoBox;
    fn has_room(&self) -> bool;
    fn put(&mut self, child: Self::Child);
    fn children(&self) -> impl Iterator<Item = &Self::Child>;

    /// Takes a child of its type; gives it back as raw bytes where it is damaged.
    fn read_child(&mut self, child: &Child<'_>) -> Option<Raw> {
        match Self::Child::decode_body(&mut child.body()) {
            Ok(value) => {
                self.put(value);
                None
            }
            Err(error) => Some(Raw::new(child.bytes(), Some(error))),
        }
    }

    fn wants(&self, child: &Child<'_>) -> bool {
        child.header.box_type == Self::Child::TYPE && self.has_room()
    }
}

impl<T: IsoBox> Slot for Option<T> {
    type Child = T;
    fn has_room(&self) -> bool {
        self.is_none()
    }
    fn put(&mut self, child: T) {
        *self = Some(child);
    }
    fn children(&self) -> impl Iterator<Item = &T> {
        self.iter()
    }
}

impl<T: IsoBox> Slot for Vec<T> {
    type Child = T;
    fn has_room(&self) -> bool {
        true
    }
    fn put(&mut self, child: T) {
        self.push(child);
    }
    fn children(&self) -> impl Iterator<Item = &T> {
        self.iter()
    }
}

/// Walks over a container's children: each goes to `take`, which gives back what it keeps raw.
pub(super) fn each_child<'a>(
    r: &mut Reader<'a>,
    mut take: impl FnMut(&Child<'a>) -> Option<Raw>,
) -> Vec<Raw> {
    let mut other = Vec::new();
    let mut children = Children::new(*r);
    while let Some(child) = children.next() {
        match child {
            Ok(child) => other.extend(take(&child)),
            // QuickTime ends some containers with four zeros.
            Err(_) if children.rest().peek() == [0; 4] => {
                other.push(Raw::new(&[0; 4], None));
            }
            Err(error) => other.push(Raw::new(children.rest().peek(), Some(error))),
        }
    }
    r.rest();
    other
}

/// Writes the children of a field.
pub(super) fn put_children<S: Slot>(w: &mut Writer<'_>, slot: &S) -> Result<(), Error> {
    slot.children()
        .try_for_each(|child| child.encode(w.buffer()))
}

/// Bytes that the children of a field take.
pub(super) fn children_len<S: Slot>(slot: &S) -> usize {
    slot.children()
        .map(IsoBox::encoded_len)
        .fold(0, usize::saturating_add)
}

/// Bytes that boxes kept raw take.
pub(super) fn raw_len(other: &[Raw]) -> usize {
    other
        .iter()
        .map(|raw| raw.bytes.len())
        .fold(0, usize::saturating_add)
}

/// Declares a box that holds nothing but boxes: `one` is a child that must be there, `optional` one that may,
/// `many` any number of them. They are written in this order, then `other`.
macro_rules! container {
    (
        $(#[$doc:meta])*
        $name:ident $code:literal { $( $(#[$field_doc:meta])* $kind:ident $field:ident: $child:ty, )* }
    ) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub struct $name {
            $( $(#[$field_doc])* pub $field: $crate::boxes::container::field_type!($kind $child), )*
            /// Children that are not known here, or are damaged.
            pub other: alloc::vec::Vec<$crate::boxes::Raw>,
        }

        impl $crate::boxes::IsoBox for $name {
            const TYPE: $crate::FourCc = $crate::FourCc(*$code);

            fn decode_body(r: &mut wire::Reader<'_>) -> Result<Self, $crate::Error> {
                use $crate::boxes::container::{Slot, each_child, finish, slot_type};
                $( let mut $field = <slot_type!($kind $child)>::default(); )*
                let other = each_child(r, |child| {
                    $( if $field.wants(child) { return $field.read_child(child); } )*
                    Some($crate::boxes::Raw::new(child.bytes(), None))
                });
                Ok(Self { $( $field: finish!($kind $child, $field), )* other })
            }

            fn encode_body(&self, w: &mut wire::Writer<'_>) -> Result<(), $crate::Error> {
                $( $crate::boxes::container::put!($kind w, &self.$field); )*
                self.other.iter().for_each(|raw| raw.put(w));
                Ok(())
            }

            fn body_len(&self) -> usize {
                let len = $crate::boxes::container::raw_len(&self.other);
                $( let len = len.saturating_add($crate::boxes::container::len!($kind &self.$field)); )*
                len
            }
        }
    };
}

macro_rules! field_type {
    (one $child:ty) => { $child };
    (optional $child:ty) => { Option<$child> };
    (many $child:ty) => { alloc::vec::Vec<$child> };
}

macro_rules! slot_type {
    (many $child:ty) => { alloc::vec::Vec<$child> };
    ($kind:ident $child:ty) => { Option<$child> };
}

macro_rules! finish {
    (one $child:ty, $slot:ident) => {
        $slot.ok_or($crate::Error::Missing {
            container: Self::TYPE,
            missing: <$child>::TYPE,
        })?
    };
    ($kind:ident $child:ty, $slot:ident) => {
        $slot
    };
}

macro_rules! put {
    (one $w:ident, $field:expr) => {
        $crate::boxes::IsoBox::encode($field, $w.buffer())?
    };
    ($kind:ident $w:ident, $field:expr) => {
        $crate::boxes::container::put_children($w, $field)?
    };
}

macro_rules! len {
    (one $field:expr) => {
        $crate::boxes::IsoBox::encoded_len($field)
    };
    ($kind:ident $field:expr) => {
        $crate::boxes::container::children_len($field)
    };
}

pub(super) use {container, field_type, finish, len, put, slot_type};

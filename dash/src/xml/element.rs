//! The macro that makes the elements of the model.
//!
//! An element is told once, as the standard's tables tell it: its attributes and children with their names. The macro
//! makes the struct, and [`Model`](super::Model), by which elements are read, written and looked through.

/// Makes an element of its tables: `"name" field: Type, "what it means" [flags];` for each attribute and each child.
///
/// An attribute is `required` if the schema says so, and `strict` if a document in which it is malformed is refused.
macro_rules! element {
    (
        $(#[$meta:meta])*
        $name:literal $type:ident $(text($text:ident))? $(run($run:path))? $(any($any:literal))? {
            $($attribute:literal $field:ident: $value:ty, $doc:literal $([$($flag:ident)*])?;)*
        } {
            $($child:literal $slot:ident: $container:ident<$kind:ty>, $child_doc:literal $($required:ident)?;)*
        }
    ) => {
        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq, Default)]
        pub struct $type {
            $(#[doc = concat!("`@", $attribute, "`: ", $doc)] pub $field: Option<$value>,)*
            $(#[doc = concat!("`", $child, "`: ", $child_doc)] pub $slot: $container<$kind>,)*
            $(#[doc = concat!("The text of `", $name, "`, with the white space around it.")] pub $text: String,)?
            /// What else is in it.
            pub other: $crate::Other,
        }

        impl $type {
            /// Reads a document whose outermost element is of this kind, within the default [`Limits`](crate::Limits).
            ///
            /// # Errors
            ///
            /// [`Error::Invalid`](crate::Error::Invalid) for the first rule that is broken,
            /// [`Error::Limit`](crate::Error::Limit).
            pub fn parse(document: &[u8]) -> Result<Self, $crate::Error> {
                Self::parse_with(document, &$crate::Limits::new())
            }

            /// The same within limits.
            ///
            /// # Errors
            ///
            /// As [`parse`](Self::parse).
            pub fn parse_with(document: &[u8], limits: &$crate::Limits) -> Result<Self, $crate::Error> {
                $crate::xml::parse(document, limits, $name)
            }

            /// Appends it to `out` as a document: UTF-8, indented.
            pub fn write(&self, out: &mut Vec<u8>) {
                $crate::xml::write_document(self, $name, out);
            }
        }

        impl std::str::FromStr for $type {
            type Err = $crate::Error;
            fn from_str(text: &str) -> Result<Self, $crate::Error> {
                Self::parse(text.as_bytes())
            }
        }

        impl std::fmt::Display for $type {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                let mut out = Vec::new();
                self.write(&mut out);
                f.write_str(std::str::from_utf8(&out).unwrap_or(""))
            }
        }

        impl $crate::xml::Model for $type {
            fn attributes(&self) -> &'static [$crate::xml::AttributeInfo] {
                const TABLE: &[$crate::xml::AttributeInfo] = &[$($crate::xml::AttributeInfo::new(
                    $attribute,
                    <$value as $crate::value::Value>::EXPECTED,
                    &[$($(stringify!($flag)),*)?],
                ),)*];
                TABLE
            }

            fn children(&self) -> &'static [$crate::xml::ChildInfo] {
                const TABLE: &[$crate::xml::ChildInfo] = &[$($crate::xml::ChildInfo {
                    name: $child,
                    required: !<[&str]>::is_empty(&[$(stringify!($required))?]),
                    many: <$container<$kind> as $crate::xml::Slot<$kind>>::MANY,
                },)*];
                TABLE
            }

            fn attribute(&self, name: &str) -> Option<String> {
                match name {
                    $($attribute => self.$field.as_ref().map(|value| {
                        let mut text = Vec::new();
                        $crate::value::Value::write(value, &mut text);
                        String::from_utf8(text).unwrap_or_default()
                    }),)*
                    _ => None,
                }
            }

            fn has_attribute(&self, name: &str) -> bool {
                match name {
                    $($attribute => self.$field.is_some(),)*
                    _ => false,
                }
            }

            #[allow(unused_variables, reason = "some elements have no attributes")]
            fn set_attribute(&mut self, name: &str, value: &str) -> $crate::xml::Set {
                match name {
                    $($attribute => {
                        if self.$field.is_some() {
                            return $crate::xml::Set::Repeated;
                        }
                        self.$field = $crate::value::Value::read(value);
                        if self.$field.is_none() {
                            return $crate::xml::Set::Malformed;
                        }
                        $crate::xml::Set::Done
                    })*
                    _ => $crate::xml::Set::Unknown,
                }
            }

            #[allow(unused_mut, unused_variables, unused_assignments, reason = "some elements have no children")]
            fn count(&self, kind: u8) -> usize {
                let mut at = 0_u8;
                $(
                    if kind == at {
                        return $crate::xml::Slot::<$kind>::len(&self.$slot);
                    }
                    at += 1;
                )*
                0
            }

            #[allow(unused_mut, unused_variables, unused_assignments, reason = "some elements have no children")]
            fn child(&self, kind: u8, index: usize) -> Option<&dyn $crate::xml::Model> {
                let mut at = 0_u8;
                $(
                    if kind == at {
                        let child = $crate::xml::Slot::<$kind>::at(&self.$slot, index)?;
                        return Some(child);
                    }
                    at += 1;
                )*
                None
            }

            #[allow(unused_mut, unused_variables, unused_assignments, reason = "some elements have no children")]
            fn read_child(
                &mut self,
                local: &str,
                cursor: &mut $crate::xml::Cursor<'_>,
                tag: &$crate::xml::Tag<'_>,
            ) -> Result<Option<u8>, $crate::Error> {
                let mut at = 0_u8;
                $(
                    if local == $child {
                        let many = <$container<$kind> as $crate::xml::Slot<$kind>>::MANY;
                        let index = $crate::xml::Slot::<$kind>::len(&self.$slot);
                        if index > 0 && !many {
                            return Ok(None);
                        }
                        // In its place: elements are too large to be moved about.
                        if let Some(child) = $crate::xml::Slot::<$kind>::add(&mut self.$slot) {
                            $crate::xml::read(cursor, tag, child)
                                .map_err(|error| error.inside($child, many.then_some(index)))?;
                        }
                        return Ok(Some(at));
                    }
                    at += 1;
                )*
                Ok(None)
            }

            #[allow(unused_variables, reason = "some elements have no attributes")]
            fn write_attributes(&self, writer: &mut $crate::xml::Writer<'_>) {
                $(
                    if let Some(value) = &self.$field {
                        $crate::value::Value::write_attribute(value, $attribute, writer);
                    }
                )*
            }

            $(
                fn text(&self) -> Option<&str> {
                    Some(&self.$text)
                }
                fn text_mut(&mut self) -> Option<&mut String> {
                    Some(&mut self.$text)
                }
            )?

            $(
                fn read_run(
                    &mut self,
                    cursor: &mut $crate::xml::Cursor<'_>,
                ) -> Result<Option<(u8, u32)>, $crate::Error> {
                    $run(self, cursor)
                }
            )?

            $(
                fn any_at(&self) -> u8 {
                    $any
                }
            )?

            fn other(&self) -> Option<&$crate::Other> {
                Some(&self.other)
            }

            fn other_mut(&mut self) -> Option<&mut $crate::Other> {
                Some(&mut self.other)
            }
        }
    };
}

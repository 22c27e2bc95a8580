use super::Value;
use std::ops::{Deref, DerefMut};

/// Values with white space between them (`StringVectorType`, `UIntVectorType`, `ListOf4CCType`).
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct List<T>(pub Vec<T>);

impl<T> Deref for List<T> {
    type Target = Vec<T>;
    fn deref(&self) -> &Vec<T> {
        &self.0
    }
}

impl<T> DerefMut for List<T> {
    fn deref_mut(&mut self) -> &mut Vec<T> {
        &mut self.0
    }
}

impl<T> From<Vec<T>> for List<T> {
    fn from(values: Vec<T>) -> Self {
        Self(values)
    }
}

impl<T: Value> Value for List<T> {
    const EXPECTED: &'static str = "a list with white space between its values";
    fn read(text: &str) -> Option<Self> {
        let values: Option<Vec<T>> = text.split_ascii_whitespace().map(T::read).collect();
        Some(Self(values?))
    }
    fn write(&self, out: &mut Vec<u8>) {
        for (index, value) in self.iter().enumerate() {
            if index > 0 {
                out.push(b' ');
            }
            value.write(out);
        }
    }
    fn write_attribute(&self, name: &str, writer: &mut crate::xml::Writer<'_>) {
        let mut text = Vec::new();
        self.write(&mut text);
        writer.attribute(name, std::str::from_utf8(&text).unwrap_or(""));
    }
}

/// Samples per second (`AudioSamplingRateType`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AudioSamplingRate {
    /// One rate, in Hz.
    Exactly(u32),
    /// From the first to the second, in Hz.
    Range(u32, u32),
}

impl Value for AudioSamplingRate {
    const EXPECTED: &'static str = "one or two integers";
    fn read(text: &str) -> Option<Self> {
        match List::<u32>::read(text)?.as_slice() {
            [rate] => Some(Self::Exactly(*rate)),
            [low, high] => Some(Self::Range(*low, *high)),
            _ => None,
        }
    }
    fn write(&self, out: &mut Vec<u8>) {
        match self {
            Self::Exactly(rate) => super::display(rate, out),
            Self::Range(low, high) => super::display(format_args!("{low} {high}"), out),
        }
    }
}

use super::{Content, SpliceCommand, SpliceDescriptor, SpliceInfoSection};

/// What a section means for who shows or replaces a programme: a break begins or ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Break {
    /// `splice_event_id` or `segmentation_event_id`, which its begin and its end have in common.
    pub event_id: u32,
    /// Whether it begins.
    pub begins: bool,
    /// How long it is to last, in ticks of 90 kHz.
    pub duration: Option<u64>,
    /// Whether it ends by itself then, without another section.
    pub auto_return: bool,
}

impl SpliceInfoSection {
    /// The break that it is about: that of a `splice_insert` (ANSI/SCTE 35 §9.7.3), or of the first segment of a `time_signal` that is a
    /// break, an advertisement, an opportunity for one, or a block of them (§10.3.3). `None` for anything else.
    #[must_use]
    pub fn as_break(&self) -> Option<Break> {
        let Content::Clear {
            command,
            descriptors,
            ..
        } = &self.content
        else {
            return None;
        };
        match command {
            SpliceCommand::Insert(insert) => {
                let event = insert.event.as_ref()?;
                Some(Break {
                    event_id: insert.splice_event_id,
                    begins: event.out_of_network_indicator,
                    duration: event.break_duration.map(|lasts| lasts.duration),
                    auto_return: event.break_duration.is_some_and(|lasts| lasts.auto_return),
                })
            }
            SpliceCommand::TimeSignal(_) => descriptors.iter().find_map(segment),
            _ => None,
        }
    }
}

fn segment(descriptor: &SpliceDescriptor) -> Option<Break> {
    let SpliceDescriptor::Segmentation(told) = descriptor else {
        return None;
    };
    let segment = told.segment.as_ref()?;
    let begins = match segment.segmentation_type_id.0 {
        // Table 23: what begins has an even number, its end the next one.
        number @ (0x22..=0x23 | 0x30..=0x37 | 0x44..=0x47) => number % 2 == 0,
        _ => return None,
    };
    Some(Break {
        event_id: told.segmentation_event_id,
        begins,
        duration: segment.segmentation_duration,
        auto_return: false,
    })
}

//! Captions within the pictures (CEA-608, CEA-708): which there are, so that playlists and manifests can say so.

use dash::live::Scheme;
use h264::length_prefixed;
use h264::nal::UnitType;
use h264::sei::{self, Payload};
use hls::live::Captions;
use media::Sample;

/// What was found.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Found {
    /// CEA-608 in the first field and in the second: `CC1` and `CC3`.
    fields: [bool; 2],
    /// Services 1 to 6 of CEA-708, from the lowest bit on.
    services: u8,
}

/// The group that variants name them by.
const GROUP: &str = "cc";
const FIELDS: [&str; 2] = ["CC1", "CC3"];
const SERVICES: [&str; 6] = [
    "SERVICE1", "SERVICE2", "SERVICE3", "SERVICE4", "SERVICE5", "SERVICE6",
];

impl Found {
    /// Looks at a picture of H.264.
    pub(crate) fn look(&mut self, sample: &Sample) {
        for nal in length_prefixed::nals(&sample.data, 4).map_while(Result::ok) {
            // They stand before the slices.
            match UnitType::of(nal) {
                UnitType::Sei => self.messages(nal),
                kind if kind.is_vcl() => return,
                _ => {}
            }
        }
    }

    fn messages(&mut self, nal: &[u8]) {
        for message in sei::messages(nal).map_while(Result::ok) {
            // User data that is registered: the only kind that has captions.
            if message.payload_type != 4 {
                continue;
            }
            if let Ok(Payload::UserDataRegistered(data)) = message.payload(None) {
                for packet in data.captions().unwrap_or_default() {
                    self.packet(*packet);
                }
            }
        }
    }

    /// A `cc_data_pkt`.
    fn packet(&mut self, [flags, first, second]: [u8; 3]) {
        if flags & 0x04 == 0 {
            return;
        }
        match flags & 3 {
            // Nothing but padding in the first field is how encoders say that there may be some.
            0 => self.fields[0] = true,
            1 if (first & 0x7F, second & 0x7F) != (0, 0) => self.fields[1] = true,
            // The start of a packet: behind its header comes that of its first service block.
            3 => {
                let (service, size) = (second >> 5, second & 0x1F);
                if (1..=6).contains(&service) && size > 0 {
                    self.services |= 1 << (service - 1);
                }
            }
            _ => {}
        }
    }

    fn names(self) -> impl Iterator<Item = &'static str> {
        let fields = FIELDS.into_iter().zip(self.fields);
        let services = SERVICES.into_iter().enumerate();
        fields
            .filter_map(|(name, found)| found.then_some(name))
            .chain(
                services
                    .filter_map(move |(bit, name)| (self.services >> bit & 1 == 1).then_some(name)),
            )
    }

    /// The group that variants name them by, if there are any.
    pub(crate) fn group(self) -> Option<&'static str> {
        (self != Self::default()).then_some(GROUP)
    }

    /// For a multivariant playlist.
    pub(crate) fn hls<'a>(self) -> impl Iterator<Item = Captions<'a>> {
        self.names().map(|name| Captions {
            group: GROUP,
            name,
            instream_id: name,
        })
    }

    /// For a manifest. Nobody has said of which language they are.
    pub(crate) fn dash(self) -> Vec<Scheme> {
        let join = |names: Vec<String>| names.join(";");
        let fields = FIELDS.iter().zip(self.fields);
        let fields = fields
            .filter(|(_, found)| *found)
            .map(|(name, _)| format!("{name}=und"));
        let services = (0..6).filter(|bit| self.services >> bit & 1 == 1);
        let services = services.map(|bit| format!("{}=lang:und", bit + 1));
        let schemes = [
            ("urn:scte:dash:cc:cea-608:2015", join(fields.collect())),
            ("urn:scte:dash:cc:cea-708:2015", join(services.collect())),
        ];
        let told = schemes.into_iter().filter(|(_, value)| !value.is_empty());
        told.map(|(uri, value)| Scheme {
            uri: uri.into(),
            value,
        })
        .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use h264::sei::UserDataRegistered;
    use media::{Flags, TrackId};

    fn picture(packets: &[[u8; 3]]) -> Sample {
        let mut payload = vec![0, 0x31, b'G', b'A', b'9', b'4', 3];
        payload.push(0x40 | u8::try_from(packets.len()).unwrap());
        payload.push(0xFF);
        payload.extend(packets.iter().flatten());
        payload.push(0xFF);
        let user_data = UserDataRegistered {
            itu_t_t35_country_code: 181,
            payload,
            ..UserDataRegistered::default()
        };
        let (mut nal, mut data) = (Vec::new(), Vec::new());
        sei::encode(&[Payload::UserDataRegistered(user_data)], None, &mut nal).unwrap();
        for nal in [&nal[..], &[0x65, 1, 2, 3]] {
            length_prefixed::push(nal, &mut data).unwrap();
        }
        Sample {
            track: TrackId(1),
            dts: 0,
            pts: 0,
            duration: None,
            flags: Flags::SYNC,
            data: data.into(),
        }
    }

    #[test]
    fn captions_are_found_and_told() {
        let mut found = Found::default();
        let mut plain = picture(&[]);
        plain.data = Bytes::from_static(&[0, 0, 0, 4, 0x65, 1, 2, 3]);
        found.look(&plain);
        // Not valid; and padding of the second field.
        found.look(&picture(&[[0xF8, 0x80, 0x80], [0xFD, 0x80, 0x80]]));
        assert_eq!(found.group(), None);
        found.look(&picture(&[
            [0xFC, 0x94, 0x20],
            [0xFF, 0x02, 0x22],
            [0xFE, 0, 0],
        ]));
        let names: Vec<_> = found.hls().map(|one| one.instream_id).collect();
        assert_eq!(names, ["CC1", "SERVICE1"]);
        let told: Vec<_> = found.dash().into_iter().map(|one| one.value).collect();
        assert_eq!(told, ["CC1=und", "1=lang:und"]);
    }
}

//! Where findings come from, and how far each source is trusted.

use serde::{Deserialize, Serialize};

/// One of the four diagnostics (四诊).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// 望: complexion and tongue.
    Look,
    /// 闻: voice and smell.
    Listen,
    /// 问: what the person says.
    Inquiry,
    /// 切: the pulse.
    Palpation,
}

/// Who or what made a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// The person's own words.
    Inquiry,
    /// A clinician entered it.
    Clinician,
    /// An image of the tongue.
    TongueImage,
    /// An image of the tongue beside a colour card.
    TongueImageWithCard,
    /// An image of the face.
    Complexion,
    /// A recording of the voice.
    Voice,
    /// Rate and rhythm of the pulse.
    PulseRate,
    /// The shape of the pulse from a pressure sensor.
    PulsePressure,
    /// The shape of the pulse from light (PPG).
    PulsePpg,
    /// Derived from what a wearable measures.
    Wearable,
}

impl Source {
    /// How far its findings are trusted, 0 to 1 (engineering defaults of the fusion
    /// of the four diagnostics, 四诊合参).
    pub fn reliability(self) -> f64 {
        match self {
            Self::Inquiry | Self::Clinician => 1.0,
            Self::PulseRate => 0.95,
            Self::TongueImageWithCard => 0.9,
            Self::TongueImage | Self::Wearable => 0.8,
            Self::PulsePressure => 0.7,
            Self::Complexion | Self::Voice => 0.6,
            Self::PulsePpg => 0.5,
        }
    }

    /// The diagnostic method it belongs to; a clinician's depends on the finding.
    pub(crate) fn method(self, of_finding: Method) -> Method {
        match self {
            Self::Inquiry => Method::Inquiry,
            Self::Clinician => of_finding,
            Self::TongueImage | Self::TongueImageWithCard | Self::Complexion => Method::Look,
            Self::Voice => Method::Listen,
            Self::PulseRate | Self::PulsePressure | Self::PulsePpg | Self::Wearable => {
                Method::Palpation
            }
        }
    }
}

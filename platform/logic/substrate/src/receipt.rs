//! The text form of a receipt: which opening of the queues, which message, which receive.

use tally_model::Receipt;

use crate::MessageId;

/// What a [`Receipt`] says. A receipt of an earlier generation is stale, because leases do not survive a restart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ReceiptParts {
    pub(crate) generation: u64,
    pub(crate) message: MessageId,
    pub(crate) serial: u64,
}

impl ReceiptParts {
    pub(crate) fn write(self) -> Receipt {
        Receipt(format!(
            "{:x}.{:x}.{:x}",
            self.generation, self.message.0, self.serial
        ))
    }

    /// `None` for a text that no queue ever gave out; such a receipt is as stale as one can be.
    pub(crate) fn read(receipt: &Receipt) -> Option<Self> {
        let mut fields = receipt
            .0
            .split('.')
            .map(|field| u64::from_str_radix(field, 16).ok());
        let parts = Self {
            generation: fields.next()??,
            message: MessageId(fields.next()??),
            serial: fields.next()??,
        };
        fields.next().is_none().then_some(parts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Claim: what is written is read back, and no other text is a receipt.
    #[test]
    fn receipts_have_one_text_form() {
        let parts = ReceiptParts {
            generation: 3,
            message: MessageId(u64::MAX),
            serial: 0,
        };
        assert_eq!(ReceiptParts::read(&parts.write()), Some(parts));
        for text in [
            "",
            ".",
            "1.2",
            "1.2.",
            "1.2.3.4",
            "x.2.3",
            "1.2.10000000000000000",
            "\u{663}.1.1",
        ] {
            assert_eq!(ReceiptParts::read(&Receipt(text.to_owned())), None, "{text:?}");
        }
    }
}

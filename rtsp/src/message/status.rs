use core::fmt;

/// How a request went (RFC 2326 §7.1.1; RFC 7826 §8.1.1), 100 to 999.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Status(u16);

macro_rules! statuses {
    ($($name:ident $code:literal $reason:literal,)*) => {
        impl Status {
            $(
                #[doc = concat!($code, " ", $reason, ".")]
                pub const $name: Status = Status($code);
            )*

            /// The usual words for it.
            #[must_use]
            pub const fn reason(self) -> &'static str {
                match self.0 {
                    $($code => $reason,)*
                    _ => "Unknown",
                }
            }
        }
    };
}

statuses! {
    CONTINUE 100 "Continue",
    OK 200 "OK",
    CREATED 201 "Created",
    LOW_ON_STORAGE_SPACE 250 "Low on Storage Space",
    MULTIPLE_CHOICES 300 "Multiple Choices",
    MOVED_PERMANENTLY 301 "Moved Permanently",
    FOUND 302 "Found",
    SEE_OTHER 303 "See Other",
    NOT_MODIFIED 304 "Not Modified",
    USE_PROXY 305 "Use Proxy",
    BAD_REQUEST 400 "Bad Request",
    UNAUTHORIZED 401 "Unauthorized",
    PAYMENT_REQUIRED 402 "Payment Required",
    FORBIDDEN 403 "Forbidden",
    NOT_FOUND 404 "Not Found",
    METHOD_NOT_ALLOWED 405 "Method Not Allowed",
    NOT_ACCEPTABLE 406 "Not Acceptable",
    PROXY_AUTHENTICATION_REQUIRED 407 "Proxy Authentication Required",
    REQUEST_TIMEOUT 408 "Request Timeout",
    GONE 410 "Gone",
    PRECONDITION_FAILED 412 "Precondition Failed",
    REQUEST_MESSAGE_BODY_TOO_LARGE 413 "Request Message Body Too Large",
    REQUEST_URI_TOO_LONG 414 "Request-URI Too Long",
    UNSUPPORTED_MEDIA_TYPE 415 "Unsupported Media Type",
    PARAMETER_NOT_UNDERSTOOD 451 "Parameter Not Understood",
    NOT_ENOUGH_BANDWIDTH 453 "Not Enough Bandwidth",
    SESSION_NOT_FOUND 454 "Session Not Found",
    METHOD_NOT_VALID_IN_THIS_STATE 455 "Method Not Valid in This State",
    HEADER_FIELD_NOT_VALID_FOR_RESOURCE 456 "Header Field Not Valid for Resource",
    INVALID_RANGE 457 "Invalid Range",
    PARAMETER_IS_READ_ONLY 458 "Parameter Is Read-Only",
    AGGREGATE_OPERATION_NOT_ALLOWED 459 "Aggregate Operation Not Allowed",
    ONLY_AGGREGATE_OPERATION_ALLOWED 460 "Only Aggregate Operation Allowed",
    UNSUPPORTED_TRANSPORT 461 "Unsupported Transport",
    DESTINATION_UNREACHABLE 462 "Destination Unreachable",
    DESTINATION_PROHIBITED 463 "Destination Prohibited",
    DATA_TRANSPORT_NOT_READY_YET 464 "Data Transport Not Ready Yet",
    NOTIFICATION_REASON_UNKNOWN 465 "Notification Reason Unknown",
    KEY_MANAGEMENT_ERROR 466 "Key Management Error",
    CONNECTION_AUTHORIZATION_REQUIRED 470 "Connection Authorization Required",
    CONNECTION_CREDENTIALS_NOT_ACCEPTED 471 "Connection Credentials Not Accepted",
    FAILURE_TO_ESTABLISH_SECURE_CONNECTION 472 "Failure to Establish Secure Connection",
    INTERNAL_SERVER_ERROR 500 "Internal Server Error",
    NOT_IMPLEMENTED 501 "Not Implemented",
    BAD_GATEWAY 502 "Bad Gateway",
    SERVICE_UNAVAILABLE 503 "Service Unavailable",
    GATEWAY_TIMEOUT 504 "Gateway Timeout",
    RTSP_VERSION_NOT_SUPPORTED 505 "RTSP Version Not Supported",
    OPTION_NOT_SUPPORTED 551 "Option Not Supported",
    PROXY_UNAVAILABLE 553 "Proxy Unavailable",
}

impl Status {
    /// A status by its number; `None` outside of 0 to 999.
    #[must_use]
    pub const fn new(code: u16) -> Option<Self> {
        if code < 1000 { Some(Self(code)) } else { None }
    }

    /// The number.
    #[must_use]
    pub const fn code(self) -> u16 {
        self.0
    }

    /// 200 to 299.
    #[must_use]
    pub const fn is_success(self) -> bool {
        matches!(self.0, 200..=299)
    }

    /// 300 to 399.
    #[must_use]
    pub const fn is_redirection(self) -> bool {
        matches!(self.0, 300..=399)
    }

    pub(crate) fn digits(self) -> [u8; 3] {
        [100, 10, 1].map(|unit| {
            let digit = u8::try_from(self.0 / unit % 10).unwrap_or_default();
            b'0'.saturating_add(digit)
        })
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:03} {}", self.0, self.reason())
    }
}

// Writers of the built-in kinds, without old names: `to_wire` (wire.h) adds these.
#pragma once
#include "dim/protocol/content.h"

namespace dim::encoders {

JsonObject encode(const TextContent& content);
JsonObject encode(const PageContent& content);
JsonObject encode(const CardContent& content);
JsonObject encode(const QuoteContent& content);
JsonObject encode(const MoneyContent& content);
JsonObject encode(const TransferContent& content);
JsonObject encode(const CustomizedContent& content);
JsonObject encode(const FileContent& content);
JsonObject encode(const ImageContent& content);
JsonObject encode(const AudioContent& content);
JsonObject encode(const VideoContent& content);
JsonObject encode(const ForwardContent& content);
JsonObject encode(const CombineContent& content);
JsonObject encode(const ArrayContent& content);
JsonObject encode(const ReceiptContent& content);
JsonObject encode(const HandshakeContent& content);
JsonObject encode(const MetaContent& content);
JsonObject encode(const DocumentsContent& content);
JsonObject encode(const LoginContent& content);
JsonObject encode(const ReportContent& content);
JsonObject encode(const AnsContent& content);
JsonObject encode(const MuteContent& content);
JsonObject encode(const BlockContent& content);
JsonObject encode(const SearchContent& content);
JsonObject encode(const StorageContent& content);
JsonObject encode(const GroupContent& content);

}  // namespace dim::encoders

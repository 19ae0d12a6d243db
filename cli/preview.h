// Small pictures on their way out.
#pragma once
#include "cli/context.h"
#include "client/attach.h"

namespace dim {

/// Makes one where the file goes as a picture and has none; says why where that cannot be.
void add_preview(const Context& context, Attachment& attachment);

}  // namespace dim

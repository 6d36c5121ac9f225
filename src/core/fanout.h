// Fan-out: one command in several parts, their answers made one. The parent request stands in the
// client's line; its children, one or more for each server touched, stand in the servers' lines;
// the last child to answer completes the parent. Nothing is composed before the parent's turn, and
// then directly into the client's batch.
#pragma once

#include "core/request.h"
#include "ringfold/mem/batch.h"

namespace ringfold {

struct Context;

// The child's reply is whole, in Request::reply; the child's slot is done with.
void finish_child(Context& context, u32 child);

// Requires: parent is ready. Appends its reply.
void merge_replies(Context& context, Request& parent, Batch& out);

// Gives back what a parent holds.
void release_fanout(Context& context, Block* fanout);

}  // namespace ringfold

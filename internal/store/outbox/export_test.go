package outbox

// WrittenMark is the expression of the optional index.
const WrittenMark = writtenMark

/** A mistake in how an application is put together; the text names the stage and says what to do. */
export class ApplicationError extends Error {
  override readonly name = 'ApplicationError';
}

/** Bytes that are not what the decoder expects. The source closes the connection they came from. */
export class DecodeError extends Error {
  override readonly name = 'DecodeError';
}

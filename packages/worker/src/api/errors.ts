/** A mistake in how an application is put together; the text names the stage and says what to do. */
export class ApplicationError extends Error {
  override readonly name = 'ApplicationError';
}

/**
 * Tells an error by its name, not its class: the command and the application may have loaded different copies
 * of this package.
 */
export function isNamed(error: unknown, name: string): boolean {
  return error instanceof Error && error.name === name;
}

/** Bytes that are not what the decoder expects. The source closes the connection they came from. */
export class DecodeError extends Error {
  override readonly name = 'DecodeError';
}

/** The module cannot be found or read, or it does not export an application. */
export class ApplicationModuleError extends Error {
  override readonly name = 'ApplicationModuleError';
}

/** Replaces control characters: text from a database or a file name must not control the reader's terminal. */
export function safeText(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
  return text.replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g, '\ufffd')
}

/** Replaces control characters and line breaks, which could look like the beginning of another report. */
export function oneLine(text: string): string {
  return safeText(text.replace(/\s+/g, ' '))
}

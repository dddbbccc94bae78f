/** Replaces control characters: text from the database or from a file name must not steer the reader's terminal. */
export function safeText(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
  return text.replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g, '\ufffd')
}

/** The same on one line: a line break in the text could pass for the beginning of another report. */
export function oneLine(text: string): string {
  return safeText(text.replace(/\s+/g, ' '))
}

/** Text from the database or from a file name must not steer the reader's terminal. */
export function safeText(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
  return text.replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g, '\ufffd')
}

/** The same for text that must stay within its line, where a line break could pass for a report of its own. */
export function oneLine(text: string): string {
  return safeText(text.replace(/\s+/g, ' '))
}

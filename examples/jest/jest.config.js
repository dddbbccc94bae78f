export default {
  transform: {},
  testMatch: ['<rootDir>/test/*.test.js'],
  setupFilesAfterEnv: ['<rootDir>/test/leak-check.js'],
}

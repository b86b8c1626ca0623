// SPDX-License-Identifier: Apache-2.0
import { defineConfig } from "vite";

const banner = "/*! Contains centrifuge-js, (c) Centrifugal Labs, MIT licence. */";

// The page is embedded in the server binary, so its files have fixed names and relative addresses.
export default defineConfig({
  base: "./",
  build: {
    target: "es2022",
    modulePreload: { polyfill: false },
    rollupOptions: {
      output: { banner, entryFileNames: "demo.js", assetFileNames: "demo[extname]" },
    },
  },
});

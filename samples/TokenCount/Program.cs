using Microsoft.ML.Tokenizers;

// Whatever takes a Microsoft.ML.Tokenizers.Tokenizer takes one of a checkpoint.
var folder = args is [var first, ..] ? first : Path.Combine("weights", "tiny");
var text = args is [_, var second] ? second : "Returns the number of elements in the sequence.";
Tokenizer tokenizer = Coppice.Text.Tokenizer.Load(folder);

Console.WriteLine($"{tokenizer.CountTokens(text)} tokens");
foreach (var token in tokenizer.EncodeToTokens(text, out _)) Console.WriteLine($"{token.Id,6} {token.Value} at {token.Offset}");

// The longest beginning that fits a budget, cut at a whole token.
const int budget = 5;
var end = tokenizer.GetIndexByTokenCount(text, budget, out _, out var count);
Console.WriteLine($"{count} tokens: {text[..end]}");

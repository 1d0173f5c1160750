using System.Numerics.Tensors;
using Coppice;
using Coppice.Extensions.AI;
using Microsoft.Extensions.AI;

// A folder as all-MiniLM-L6-v2; without one the small model of the repository, whose last states say less.
using var model = EmbeddingModel.Load(args is [var folder, ..] ? folder : Path.Combine("weights", "tiny"));
using var generator = model.AsIEmbeddingGenerator();
string[] texts =
[
    "Returns the number of elements in the sequence.", "Closes the file and frees its handle.", "Gets or sets the name of the event.",
    "Opens a connection to the server.", "Removes all items from the collection.",
];
var query = args is [_, var asked] ? asked : "How many items are there?";

var vectors = await generator.GenerateAsync([query, .. texts]);
var found = texts.Select((text, i) =>
    (Text: text, Similarity: TensorPrimitives.CosineSimilarity(vectors[0].Vector.Span, vectors[i + 1].Vector.Span)));
foreach (var (text, similarity) in found.OrderByDescending(one => one.Similarity)) Console.WriteLine($"{similarity:f3} {text}");

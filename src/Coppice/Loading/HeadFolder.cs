using System.Globalization;
using System.Security.Cryptography;
using Coppice.Models;
using Coppice.Text;
using Coppice.Weights;

namespace Coppice.Loading;

/// <summary>Finds draft heads that were made for a model.</summary>
/// <remarks>
/// Heads say by a fingerprint in their config.json (<c>base_model_fingerprint</c>) which model they were made for: a hash of the tokenizer
/// and of the embedding as it is stored, so that it does not matter how the model is kept. Published heads have none; there the sizes must
/// do.
/// </remarks>
internal static class HeadFolder
{
    private const string Config = "config.json", Key = "base_model_fingerprint", Beside = "heads";

    /// <summary>SHA-256 over the tokenizer's fingerprint and the stored embedding: type, shape and bytes. Reads all of it.</summary>
    public static byte[] Fingerprint(ReadOnlySpan<byte> tokenizer, CheckpointTensor embedding)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        hash.AppendData(tokenizer);
        hash.AppendData(System.Text.Encoding.UTF8.GetBytes($"{embedding.Entry.Type.FileName()} {embedding.Entry.ShapeText}"));
        const int chunk = 1 << 24;
        for (var offset = 0L; offset < embedding.Entry.Bytes; offset += chunk)
            hash.AppendData(embedding.Bytes(offset, (int)Math.Min(chunk, embedding.Entry.Bytes - offset)));
        return hash.GetHashAndReset();
    }

    /// <summary>
    /// The folder of heads of a kind for a model: "heads/NAME" in the model's folder or beside it, else the one among those that ship whose
    /// fingerprint is the model's; null where there is none.
    /// </summary>
    /// <param name="kind">The drafter's name.</param>
    /// <param name="modelFolder">The model's.</param>
    /// <param name="spec">The model.</param>
    /// <param name="fingerprint">Computes the model's: only asked for where heads of the model's sizes ship.</param>
    public static string? Find(string kind, string modelFolder, ModelSpec spec, Func<byte[]> fingerprint)
    {
        var own = Path.GetFullPath(modelFolder).TrimEnd(Path.DirectorySeparatorChar);
        string[] near = [Path.Combine(own, Beside, kind), Path.Combine(Path.GetDirectoryName(own) ?? "", Beside, kind)];
        foreach (var folder in near)
        {
            if (HeadTensors.AreIn(folder) && SaysFingerprint(folder, spec, fingerprint) != false) return folder;
        }
        foreach (var shipped in Shipped())
        {
            foreach (var model in Directory.EnumerateDirectories(shipped).Order(StringComparer.Ordinal))
            {
                var folder = Path.Combine(model, kind);
                if (HeadTensors.AreIn(folder) && SaysFingerprint(folder, spec, fingerprint) == true) return folder;
            }
        }
        return null;
    }

    /// <summary>Refuses heads in <paramref name="folder"/> that say that they were made for another model.</summary>
    /// <exception cref="CheckpointException">They do.</exception>
    public static void Check(string folder, ModelSpec spec, Func<byte[]> fingerprint)
    {
        if (!File.Exists(Path.Combine(folder, Config))) return;
        var config = ConfigReader.Open(folder);
        Require(folder, config, "hidden_size", spec.HiddenSize);
        Require(folder, config, "vocab_size", spec.VocabularySize);
        if (config.Has(Key) && !IsOf(config, fingerprint))
            throw new CheckpointException($"{folder}: draft heads must be for this model, found {Key} of another one.");
    }

    /// <summary>Whether heads are for the model by their fingerprint; null where they have none.</summary>
    private static bool? SaysFingerprint(string folder, ModelSpec spec, Func<byte[]> fingerprint)
    {
        if (!File.Exists(Path.Combine(folder, Config))) return null;
        var config = ConfigReader.Open(folder);
        if (config.Default("hidden_size", spec.HiddenSize) != spec.HiddenSize) return false;
        if (config.Default("vocab_size", spec.VocabularySize) != spec.VocabularySize) return false;
        return config.Has(Key) ? IsOf(config, fingerprint) : null;
    }

    private static bool IsOf(ConfigReader config, Func<byte[]> fingerprint) =>
        string.Equals(config.Default(Key, ""), Convert.ToHexString(fingerprint()), StringComparison.OrdinalIgnoreCase);

    private static void Require(string folder, ConfigReader config, string key, int expected)
    {
        var found = config.Default(key, expected);
        if (found != expected)
        {
            throw new CheckpointException(string.Create(CultureInfo.InvariantCulture,
                $"{folder}: draft heads must be for this model, whose {key} is {expected}, found {found}."));
        }
    }

    /// <summary>"weights/heads" where the program is, or in a folder above it, as in a clone of the repository.</summary>
    private static IEnumerable<string> Shipped()
    {
        for (var folder = AppContext.BaseDirectory; folder is not null; folder = Path.GetDirectoryName(folder))
        {
            var shipped = Path.Combine(folder, "weights", Beside);
            if (Directory.Exists(shipped)) yield return shipped;
        }
    }
}

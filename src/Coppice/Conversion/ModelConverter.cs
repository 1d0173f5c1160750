using Coppice.Loading;
using Coppice.Weights.Gguf;

namespace Coppice.Conversion;

/// <summary>Forms in which a model can be written.</summary>
internal enum ConversionTarget
{
    /// <summary>One file for llama.cpp and its relatives.</summary>
    Gguf,
    /// <summary>A folder in the layout of Hugging Face.</summary>
    Safetensors,
}

/// <summary>What was written.</summary>
internal sealed record ConversionResult(string Path, long Bytes, int Tensors);

/// <summary>Writes a model in another form.</summary>
internal static class ModelConverter
{
    /// <summary>Writes the model in <paramref name="folder"/> to <paramref name="path"/>, where nothing may be yet.</summary>
    /// <param name="folder">A folder with config.json, safetensors and tokenizer files.</param>
    /// <param name="path">A file, or a folder for safetensors. It appears complete or not at all.</param>
    /// <param name="target">The form.</param>
    /// <param name="type">The type of matrices; in GGUF files vectors are F32.</param>
    /// <param name="progress">Gets the bytes done so far.</param>
    /// <param name="cancellation">Ends the work; nothing is left.</param>
    /// <exception cref="CheckpointException">A file of the folder is malformed or holds numbers that the type does not.</exception>
    /// <exception cref="UnsupportedModelException">The form has no way to say what the model is.</exception>
    /// <exception cref="ConversionException">The type does not fit the model or the form, or the place is taken, missing or
    /// full.</exception>
    public static ConversionResult Convert(
        string folder, string path, ConversionTarget target, GgufType type, IProgress<LoadProgress>? progress = null,
        CancellationToken cancellation = default)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        var model = ModelFolder.Read(folder);
        return target == ConversionTarget.Gguf
            ? GgufExport.Write(model, path, type, progress, cancellation)
            : SafetensorsExport.Write(model, path, type, progress, cancellation);
    }
}

using System.Reflection;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Coppice.Kernels;
using Coppice.Models;
using Coppice.Weights;

namespace Coppice.Loading;

/// <summary>
/// What <see cref="ActivationFormat.Auto"/> means: the choice that `coppice tune` has measured and written for a model, a format of its
/// weights, a device and a version of the kernels. A small file for each, in the user's folder for local data.
/// </summary>
internal static class ActivationChoices
{
    private const string Key = "activations";
    private const int LargestFile = 1 << 16;

    /// <summary>The measured choice; null where there is none or its file is damaged. Reads one file; measures nothing.</summary>
    /// <param name="folder">The model's folder.</param>
    /// <param name="checkpoint">Its weights.</param>
    /// <param name="settings">How they are kept.</param>
    /// <param name="backend">What computes.</param>
    /// <param name="choices">Where choices are kept; null for <see cref="DefaultFolder"/>.</param>
    public static ActivationFormat? Find(
        string folder, Checkpoint checkpoint, WeightSettings settings, Backend backend, string? choices = null)
    {
        try
        {
            var file = new FileInfo(PathOf(folder, checkpoint, settings, backend, choices));
            if (!file.Exists || file.Length > LargestFile) return null;
            using var document = JsonDocument.Parse(File.ReadAllBytes(file.FullName));
            return document.RootElement.TryGetProperty(Key, out var name) && name.ValueKind == JsonValueKind.String
                && Enum.TryParse<ActivationFormat>(name.GetString(), out var found)
                && found is not ActivationFormat.Auto && Enum.IsDefined(found)
                    ? found : null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or JsonException or InvalidOperationException)
        {
            return null;
        }
    }

    /// <summary>Writes a choice so that a reader sees the old file or the new one; gives its path.</summary>
    /// <exception cref="IOException">The file can't be written.</exception>
    public static string Write(
        string folder, Checkpoint checkpoint, WeightSettings settings, Backend backend, ActivationFormat choice, string? choices = null)
    {
        var path = PathOf(folder, checkpoint, settings, backend, choices);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        var partial = $"{path}.{Guid.NewGuid():N}.partial";
        try
        {
            using (var file = File.Create(partial))
            using (var json = new Utf8JsonWriter(file))
            {
                json.WriteStartObject();
                json.WriteString(Key, choice.ToString());
                json.WriteString("weights", settings.Format.ToString());
                json.WriteString("device", backend.Identity);
                json.WriteString("model", Path.GetFullPath(folder));
                json.WriteEndObject();
            }
            File.Move(partial, path, overwrite: true);
        }
        finally
        {
            File.Delete(partial);
        }
        return path;
    }

    /// <summary>Where choices are kept: coppice/activations in the user's folder for local data.</summary>
    public static string DefaultFolder => Path.Combine(
        Environment.GetFolderPath(Environment.SpecialFolder.LocalApplicationData, Environment.SpecialFolderOption.DoNotVerify),
        "coppice", Key);

    private static string PathOf(string folder, Checkpoint checkpoint, WeightSettings settings, Backend backend, string? choices)
    {
        var model = ModelFingerprint.Of(folder, checkpoint, settings with { Activations = ActivationFormat.F32 }, null, backend);
        var kernels = typeof(Backend).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion;
        var name = SHA256.HashData([.. model, .. Encoding.UTF8.GetBytes($"\n{backend.Identity}\n{kernels}")]);
        return Path.Combine(choices ?? DefaultFolder, Convert.ToHexStringLower(name, 0, 16) + ".json");
    }
}

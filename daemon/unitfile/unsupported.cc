#include "unitfile/unsupported.h"

#include <algorithm>
#include <array>

namespace svcd {
namespace {

constexpr auto kUnit = std::to_array<std::string_view>({"JobTimeoutRebootArgument", "CollectMode"});

/// Each exists as Condition... and as Assert...
constexpr auto kConditions =
    std::to_array<std::string_view>({"PathIsEncrypted", "CPUFeature", "OSRelease", "Credential",
                                     "Firmware", "MemoryPressure", "CPUPressure", "IOPressure"});

constexpr auto kService = std::to_array<std::string_view>(
    {// of the service
     "RuntimeRandomizedExtraSec", "Sockets", "FileDescriptorStoreMax", "NonBlocking",
     "RootDirectoryStartOnly", "USBFunctionDescriptors", "USBFunctionStrings", "OpenFile",
     // ours
     "ReadyWhen", "ProbeIntervalSec", "HealthCheck", "RestartOverlap",
     // of the process
     "RootDirectory", "RootImage", "DynamicUser", "SupplementaryGroups", "PassEnvironment",
     "UnsetEnvironment", "StandardInputText", "StandardInputData", "TTYPath", "TTYReset",
     "TTYVHangup", "TTYVTDisallocate", "SyslogLevel", "SyslogFacility", "SyslogLevelPrefix",
     "LogLevelMax", "LogExtraFields", "LogRateLimitIntervalSec", "LogRateLimitBurst",
     "LogNamespace", "CPUSchedulingPolicy", "CPUSchedulingPriority", "CPUSchedulingResetOnFork",
     "CPUAffinity", "NUMAPolicy", "NUMAMask", "IOSchedulingClass", "IOSchedulingPriority",
     "CapabilityBoundingSet", "AmbientCapabilities", "SecureBits", "NoNewPrivileges",
     "RuntimeDirectory", "RuntimeDirectoryMode", "StateDirectory", "StateDirectoryMode",
     "CacheDirectory", "CacheDirectoryMode", "LogsDirectory", "LogsDirectoryMode",
     "ConfigurationDirectory", "ConfigurationDirectoryMode", "RuntimeDirectoryPreserve",
     "TimeoutCleanSec", "PrivateTmp", "PrivateMounts", "PrivateDevices", "PrivateNetwork",
     "PrivateUsers", "PrivateIPC", "ProtectSystem", "ProtectHome", "ProtectKernelTunables",
     "ProtectKernelModules", "ProtectKernelLogs", "ProtectControlGroups", "ProtectHostname",
     "ProtectClock", "ProtectProc", "ProcSubset", "ReadWritePaths", "ReadOnlyPaths",
     "InaccessiblePaths", "ExecPaths", "NoExecPaths", "TemporaryFileSystem", "BindPaths",
     "BindReadOnlyPaths", "MountAPIVFS", "RestrictAddressFamilies", "RestrictNamespaces",
     "RestrictRealtime", "RestrictSUIDSGID", "RestrictFileSystems", "RemoveIPC", "LockPersonality",
     "MemoryDenyWriteExecute", "SystemCallFilter", "SystemCallArchitectures",
     "SystemCallErrorNumber", "SystemCallLog", "MountFlags", "Personality", "LoadCredential",
     "LoadCredentialEncrypted", "SetCredential", "SetCredentialEncrypted", "UtmpIdentifier",
     "UtmpMode", "PAMName", "KeyringMode", "TimerSlackNSec", "CoredumpFilter",
     "NetworkNamespacePath", "IPCNamespacePath", "AppArmorProfile", "SELinuxContext",
     "SmackProcessLabel"});

/// Of the processes' resources: in slices too.
constexpr auto kResources = std::to_array<std::string_view>({"Delegate",
                                                             "CPUAccounting",
                                                             "CPUWeight",
                                                             "StartupCPUWeight",
                                                             "CPUQuota",
                                                             "CPUQuotaPeriodSec",
                                                             "AllowedCPUs",
                                                             "AllowedMemoryNodes",
                                                             "MemoryAccounting",
                                                             "MemoryMin",
                                                             "MemoryLow",
                                                             "MemoryHigh",
                                                             "MemoryMax",
                                                             "MemorySwapMax",
                                                             "MemoryZSwapMax",
                                                             "MemoryLimit",
                                                             "TasksAccounting",
                                                             "TasksMax",
                                                             "IOAccounting",
                                                             "IOWeight",
                                                             "StartupIOWeight",
                                                             "IODeviceWeight",
                                                             "IOReadBandwidthMax",
                                                             "IOWriteBandwidthMax",
                                                             "IOReadIOPSMax",
                                                             "IOWriteIOPSMax",
                                                             "IPAccounting",
                                                             "IPAddressAllow",
                                                             "IPAddressDeny",
                                                             "DeviceAllow",
                                                             "DevicePolicy",
                                                             "ManagedOOMSwap",
                                                             "ManagedOOMMemoryPressure",
                                                             "ManagedOOMMemoryPressureLimit",
                                                             "ManagedOOMPreference"});

constexpr auto kSections = std::to_array<std::string_view>(
    {"Socket", "Timer", "Path", "Mount", "Automount", "Swap", "Scope"});

template <typename List>
bool contains(const List& list, std::string_view word) {
    return std::find(list.begin(), list.end(), word) != list.end();
}

}  // namespace

bool is_unsupported_setting(std::string_view section, std::string_view key) {
    if (section == "Unit") {
        for (const std::string_view prefix : {"Condition", "Assert"}) {
            if (key.starts_with(prefix) && contains(kConditions, key.substr(prefix.size()))) {
                return true;
            }
        }
        return contains(kUnit, key);
    }
    if (section == "Service") {
        return contains(kService, key) || contains(kResources, key);
    }
    return section == "Slice" && contains(kResources, key);
}

bool is_unsupported_section(std::string_view section) {
    return contains(kSections, section);
}

}  // namespace svcd
